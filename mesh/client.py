"""How one process asks another: a typed call on an endpoint."""

from asyncio import get_running_loop

from pydantic import ValidationError

from mesh import context, wire
from mesh.bus import Transport
from mesh.context import Context
from mesh.endpoint import Access, Endpoint, Rep, Req
from mesh.errors import BadReply, DeadlineExceeded


class Client:
    """Calls endpoints over a transport, on behalf of the request that this task works on."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def call(self, endpoint: Endpoint[Req, Rep], request: Req, timeout: float | None = None) -> Rep:
        """Send the request and return the worker's reply.

        `timeout`: seconds, the endpoint's own where it is None; the deadline of the request that this task works on
        bounds it further. Fields that were not set are not sent, so that "absent" and null stay two things.

        Raises RemoteFault (Overloaded, DeadlineExceeded), NoResponder, BadReply, Refused, Disconnected, TooLarge.
        """
        deadline = get_running_loop().time() + min(timeout or endpoint.timeout, endpoint.timeout)
        current = context.current()
        if current is None:
            current = Context(context.request_id_from(None), deadline)
        deadline = min(deadline, current.deadline)
        remaining = deadline - get_running_loop().time()
        if remaining <= 0:
            raise DeadlineExceeded.here(endpoint.subject)
        payload = endpoint.requests.dump_json(request, exclude_unset=True)
        message = await self._transport.request(
            endpoint.subject, payload, _headers(endpoint, current, deadline), remaining
        )
        if (number := wire.header(message.headers, wire.ERROR_CODE)) is not None:
            raise wire.read_error(number, message.payload)
        try:
            return endpoint.replies.validate_json(message.payload)
        except ValidationError as error:
            problem = wire.invalid_payload(error)
            raise BadReply(f"the reply of {endpoint.subject} does not fit its contract: {problem.detail}") from None


def _headers(endpoint: Endpoint[Req, Rep], current: Context, deadline: float) -> dict[str, str]:
    headers = {
        wire.REQUEST_ID: current.request_id,
        wire.REQUEST_DEADLINE: str(wire.unix_ms(deadline)),
        **current.trace,
    }
    # A token goes only where it is of use: the fewer processes see it, the better.
    if current.authorization is not None and (endpoint.verified or endpoint.access is not Access.ANYONE):
        headers[wire.AUTHORIZATION] = current.authorization
    return headers
