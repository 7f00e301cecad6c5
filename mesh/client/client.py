"""The client's side of the mesh: typed calls on endpoints, with retries, hedging and deadlines."""

import asyncio
import itertools
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from mesh.client.hedging import HedgeBudget, LatencyHistogram
from mesh.client.instances import Instances
from mesh.client.retry import MOST_RECONNECTS, MOST_RETRIES, PROMPT, jittered, pause
from mesh.core import context
from mesh.core.context import Context
from mesh.core.endpoint import Access, Endpoint, Rep, Req
from mesh.core.errors import BadReply, CallError, DeadlineExceeded, Disconnected, NoResponder, Overloaded
from mesh.core.loop_time import LoopTime
from mesh.core.reading import Unreadable
from mesh.transport.base import Message, Resend, Transport
from mesh.wire import names, problem, request_headers

_SILENCE = 0.33
"""Fraction of a call's time, ± a fifth, after which an unanswered request is sent again."""
_TRANSIENT: Final = (NoResponder, Overloaded, Disconnected)
"""Errors after which another try may bring an answer."""

_Ask = Callable[[float, Resend | None], Awaitable[Message]]
"""Sends the request and waits for its answer, at most the given seconds."""


class Client:
    """Calls endpoints over a transport, on behalf of the current request.

    A call is repeatable if its endpoint is idempotent or it carries an idempotency key. A repeatable call is retried,
    within the deadline and a budget, when nobody serves the subject, the connection breaks, or the worker promptly
    refuses it as overloaded. It is also sent again after a long silence: the worker may be frozen or dead. Any other
    call is sent once.

    With `instances` the client knows which workers exist: a late read asks a second instance, and nothing is sent again
    while the only instance lives.
    """

    def __init__(self, transport: Transport, instances: Instances | None = None) -> None:
        self._transport = transport
        self._instances = instances
        self.budgets: dict[str, HedgeBudget] = {}
        """The budget of repeated requests to each service that was called."""
        self._latencies: defaultdict[str, LatencyHistogram] = defaultdict(LatencyHistogram)
        self._time = LoopTime()
        self._epoch: float | None = None
        """Unix time at zero of the event loop's clock. Setting the machine's clock changes no deadline."""

    async def call(self, endpoint: Endpoint[Req, Rep], request: Req, timeout: float | None = None) -> Rep:
        """Send the request and return the worker's reply.

        `timeout` is in seconds; None means the endpoint's own. The deadline of the current request bounds it further.
        Fields that were not set are not sent, so that "absent" and null stay distinct.

        Raises RemoteFault (Overloaded, DeadlineExceeded), NoResponder, BadReply, Refused, Disconnected, TooLarge.
        """
        began = self._time.now()
        deadline = began + min(timeout or endpoint.timeout, endpoint.timeout)
        current = context.current()
        if current is None:
            current = Context(context.request_id_from(None), deadline)
        elif current.span is not None:
            with current.span.call(current, endpoint.subject):  # inside, the request has no span
                return await self.call(endpoint, request, timeout)
        deadline = min(deadline, current.deadline)
        remaining = deadline - began
        if remaining <= 0:
            raise DeadlineExceeded.here(endpoint.subject)
        ask = self._prepared(endpoint, request, current, began, remaining)
        if not (endpoint.idempotent or (endpoint.keyed and current.idempotency_key)):
            return _read(endpoint, await ask(remaining, None))
        budget = self._budget(endpoint.service)
        budget.retries.request()
        latency = self._latencies[endpoint.subject] if endpoint.read and budget.hedges else None
        resend = _silence(budget, remaining) if latency is None else budget.hedged(latency.late)
        try:
            message = await ask(remaining, resend)
            if latency is not None:
                latency.record(self._time.now() - began)
            return _read(endpoint, message)
        except _TRANSIENT as error:
            return await self._retry(partial(_asked, endpoint, ask, resend), budget, deadline, began, error)

    def _prepared(
        self, endpoint: Endpoint[Req, Rep], request: Req, current: Context, began: float, remaining: float
    ) -> _Ask:
        payload = endpoint.requests.serializer.to_json(request, exclude_unset=True)
        if self._epoch is None:
            self._epoch = time.time() - began
        headers = _headers(endpoint, current, remaining, self._epoch + began)
        return partial(self._transport.request, endpoint.subject, payload, headers)

    def _budget(self, service: str) -> HedgeBudget:
        found = self.budgets.get(service)
        if found is None:
            found = self.budgets[service] = HedgeBudget(service, self._instances)
        return found

    async def _retry(
        self,
        ask: Callable[[float], Awaitable[Rep]],
        budget: HedgeBudget,
        deadline: float,
        began: float,
        error: CallError,
    ) -> Rep:
        """Try again until an answer comes or another try is of no use.

        `ask` gets a reply within the given seconds. `error` is the outcome of the first try, which started at `began`.
        """
        now = self._time.now
        lost: CallError | None = None
        for retries in itertools.count():
            if isinstance(error, Disconnected) and error.sent:
                lost = error
            wait = pause(retries)
            left = deadline - now() - wait
            if isinstance(error, Overloaded):
                took = now() - began
                budget.refused(promptly=took <= PROMPT)
                # A slow refusal has waited for the worker's database, and another try would wait there too. A try that
                # does not fit in the remaining time would replace this answer, which says why, by a timeout.
                if took > PROMPT or took >= left:
                    break
            if not (left > 0 and self._worth_another(error, retries) and budget.retries.spend()):
                break
            await asyncio.sleep(wait)
            began = now()
            try:
                return await ask(deadline - began)
            except _TRANSIENT as again:
                error = again
        # A request that left this process may have been executed, whatever the outcome of later tries.
        try:
            raise lost or error from None
        finally:
            del lost, error  # their tracebacks hold this frame, so a reference from it would be a cycle

    def _worth_another(self, error: CallError, retries: int) -> bool:
        if isinstance(error, Disconnected):  # in a cluster the client connects to the next server at once
            return retries < MOST_RECONNECTS and (self._transport.connected or self._transport.reconnecting)
        return retries < MOST_RETRIES


def _silence(budget: HedgeBudget, remaining: float) -> Resend:
    """The rule to send a request again after a long silence."""
    return Resend(jittered(remaining * _SILENCE), budget.resend, growth=0.5, shortest=remaining / 6)


async def _asked(endpoint: Endpoint[Req, Rep], ask: _Ask, resend: Resend, remaining: float) -> Rep:
    return _read(endpoint, await ask(remaining, resend))


def _read(endpoint: Endpoint[Req, Rep], message: Message) -> Rep:
    """The worker's reply, or its fault raised."""
    if (number := message.headers.get(names.ERROR_CODE)) is not None:
        raise problem.read_error(number, message.payload)
    try:
        return endpoint.read_reply(message.payload)
    except Unreadable as error:
        raise BadReply(f"the reply of {endpoint.subject} does not fit its contract: {error}") from None


def _headers(endpoint: Endpoint[Req, Rep], current: Context, remaining: float, now: float) -> dict[str, str]:
    headers = {
        names.REQUEST_ID: current.request_id,
        **request_headers.deadline_headers(remaining, now),
    }
    if current.trace:
        headers.update(current.trace)
    # The token goes only to endpoints that use it.
    if current.authorization is not None and (endpoint.verified or endpoint.access is not Access.ANYONE):
        headers[names.AUTHORIZATION] = current.authorization
    if current.client_address is not None and (endpoint.verified or not endpoint.idempotent):
        headers[names.CLIENT_ADDRESS] = current.client_address
    if current.idempotency_key is not None and endpoint.keyed:
        headers[names.IDEMPOTENCY_KEY] = current.idempotency_key
    return headers
