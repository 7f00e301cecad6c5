"""How one process asks another: a typed call on an endpoint."""

import asyncio
import itertools
from asyncio import get_running_loop
from collections import defaultdict
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from mesh import context, wire
from mesh.bus import Message, Resend, Transport
from mesh.context import Context
from mesh.endpoint import Access, Endpoint, Rep, Req
from mesh.errors import BadReply, CallError, DeadlineExceeded, Disconnected, NoResponder, Overloaded
from mesh.reading import Unreadable
from mesh.retry import MOST_RECONNECTS, MOST_RETRIES, RetryBudget, pause

_SILENCE = 0.3
"""The part of a call's time after which it is asked again where nobody has answered."""
_PASSING: Final = (NoResponder, Overloaded, Disconnected)
"""What may pass, so that another try may bring an answer."""

_Ask = Callable[[float, Resend | None], Awaitable[Message]]
"""Sends the request, to be answered within so many seconds."""


class Client:
    """Calls endpoints over a transport, on behalf of the request that this task works on.

    What an endpoint declares idempotent, or what carries an idempotency key, is tried again, within the deadline and a
    budget, when nobody serves it just now, the connection breaks, or the worker takes no more; and it is asked again
    after a long silence, since whoever was asked may be frozen or dead. Anything else is sent once.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._budgets: defaultdict[str, RetryBudget] = defaultdict(RetryBudget)

    async def call(self, endpoint: Endpoint[Req, Rep], request: Req, timeout: float | None = None) -> Rep:
        """Send the request and return the worker's reply.

        `timeout`: seconds, the endpoint's own where it is None; the deadline of the request that this task works on
        bounds it further. Fields that were not set are not sent, so that "absent" and null stay two things.

        Raises RemoteFault (Overloaded, DeadlineExceeded), NoResponder, BadReply, Refused, Disconnected, TooLarge.
        """
        began = get_running_loop().time()
        deadline = began + min(timeout or endpoint.timeout, endpoint.timeout)
        current = context.current()
        if current is None:
            current = Context(context.request_id_from(None), deadline)
        elif current.span is not None:
            with current.span.call(current, endpoint.subject):  # wherein the request has no span
                return await self.call(endpoint, request, timeout)
        deadline = min(deadline, current.deadline)
        remaining = deadline - began
        if remaining <= 0:
            raise DeadlineExceeded.here(endpoint.subject)
        payload = endpoint.requests.serializer.to_json(request, exclude_unset=True)
        ask = partial(self._transport.request, endpoint.subject, payload, _headers(endpoint, current, remaining))
        resend = None
        if endpoint.idempotent or (endpoint.keyed and current.idempotency_key):
            budget = self._budgets[endpoint.service]
            budget.request()
            resend = Resend(remaining * _SILENCE, budget.spend)
        try:
            return _read(endpoint, await ask(remaining, resend))
        except _PASSING as error:
            if resend is None:
                raise
            return await self._ask_again(endpoint, ask, resend, deadline, error)

    async def _ask_again(
        self, endpoint: Endpoint[Req, Rep], ask: _Ask, resend: Resend, deadline: float, error: CallError
    ) -> Rep:
        """Ask until there is an answer, or it is no use to ask once more. `error`: what the first try came to."""
        now = get_running_loop().time
        lost: CallError | None = None
        for retries in itertools.count():
            if isinstance(error, Disconnected) and error.sent:
                lost = error
            wait = pause(retries)
            in_time = now() + wait < deadline
            if not (in_time and self._worth_another(error, retries) and resend.allowed()):
                break
            await asyncio.sleep(wait)
            try:
                return _read(endpoint, await ask(deadline - now(), resend))
            except _PASSING as again:
                error = again
        # What left this process once may have been done, whatever became of the tries after it.
        try:
            raise lost or error from None
        finally:
            del lost, error  # its traceback holds this frame: an error that the frame holds would be a cycle

    def _worth_another(self, error: CallError, retries: int) -> bool:
        if isinstance(error, Disconnected):  # in a cluster the next server takes us at once
            return retries < MOST_RECONNECTS and (self._transport.connected or self._transport.reconnecting)
        return retries < MOST_RETRIES


def _read(endpoint: Endpoint[Req, Rep], message: Message) -> Rep:
    """The worker's reply, or its fault raised."""
    if (number := message.headers.get(wire.ERROR_CODE)) is not None:
        raise wire.read_error(number, message.payload)
    try:
        return endpoint.read_reply(message.payload)
    except Unreadable as error:
        raise BadReply(f"the reply of {endpoint.subject} does not fit its contract: {error}") from None


def _headers(endpoint: Endpoint[Req, Rep], current: Context, remaining: float) -> dict[str, str]:
    headers = {
        wire.REQUEST_ID: current.request_id,
        **wire.deadline_headers(remaining),
    }
    if current.trace:
        headers.update(current.trace)
    # A token goes only where it is of use: the fewer processes see it, the better.
    if current.authorization is not None and (endpoint.verified or endpoint.access is not Access.ANYONE):
        headers[wire.AUTHORIZATION] = current.authorization
    if current.client_address is not None and (endpoint.verified or not endpoint.idempotent):
        headers[wire.CLIENT_ADDRESS] = current.client_address
    if current.idempotency_key is not None and endpoint.keyed:
        headers[wire.IDEMPOTENCY_KEY] = current.idempotency_key
    return headers
