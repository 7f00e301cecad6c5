"""Calls services behind a limit and a circuit breaker, so that a slow one does not hold up the gateway."""

from asyncio import CancelledError
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

from gateway.settings import ServiceLimits
from mesh.client.adaptive_limit import AdaptiveLimit
from mesh.client.circuit_breaker import CircuitBreaker, Ticket
from mesh.client.client import Client
from mesh.core.endpoint import Endpoint, Rep, Req
from mesh.core.errors import BadReply, CallError, Code, DeadlineExceeded, Overloaded, RemoteFault
from mesh.core.loop_time import LoopTime

SLOW: Final = 0.4
"""The share of a call's time after which it counts as congestion. A call given up sooner counts as nothing.

It is longer than Client's hedging delay, so that one frozen worker is no sign of congestion.
"""


class GuardedClient:
    """A client that refuses a call at once if the service is at its limit or its circuit breaker is open.

    Each service has its own limit and breaker, so that a hanging service takes no capacity from others. The endpoints
    for which a service hashes a password have their own too: a flood of logins says nothing about the rest. A service
    without workers needs neither: NATS reports it at once. `timeout` bounds every call, in seconds.
    """

    def __init__(  # noqa: PLR0913  # the last one by name
        self,
        client: Client,
        services: Iterable[str],
        hashing: Iterable[Endpoint[Any, Any]],
        limits: ServiceLimits,
        timeout: float,
        *,
        wrote: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`wrote` is called with the service after each call that may have changed something, before it returns."""
        self.client = client
        self._wrote = wrote
        self._timeout = timeout
        self._time = LoopTime()
        self._hashing = {endpoint.subject: f"{endpoint.service} password" for endpoint in hashing}
        self.guards = {name: Guard(name, limits) for name in {*services, *self._hashing.values()}}
        """By service; the endpoints that hash passwords have one of their own, e.g. "auth password"."""

    async def call(self, endpoint: Endpoint[Req, Rep], request: Req, timeout: float | None = None) -> Rep:
        """See Client.call. Raises Overloaded with `gateway_busy` or `circuit_open` for a call that is not sent."""
        guard = self.guards[self._hashing.get(endpoint.subject, endpoint.service)]
        slow_after = SLOW * min(endpoint.timeout, self._timeout)
        started = self._time.now()
        ticket = guard.enter(started)
        try:
            reply = await self.client.call(endpoint, request, timeout)
        except BaseException as error:
            guard.leave(ticket, started, self._time.now(), slow_after, error)
            if isinstance(error, CallError):
                error.subject = endpoint.subject
            raise
        finally:
            if not endpoint.read:
                self._wrote(endpoint.service)
        guard.leave(ticket, started, self._time.now(), slow_after)
        return reply


class Guard:
    """The limit and breaker of one service, or of its hashing endpoints."""

    def __init__(self, name: str, limits: ServiceLimits) -> None:
        self._name = name
        self.limiter = AdaptiveLimit(
            lowest=limits.gateway_limit_min, initial=limits.gateway_limit_initial, highest=limits.gateway_limit_max
        )
        self.shed = Counter[str]()
        """Refused calls by reason."""
        self.breaker = CircuitBreaker(name, timeouts=limits.gateway_breaker_timeouts, rest=limits.gateway_breaker_rest)

    def enter(self, now: float) -> Ticket:
        """Admit a call. Raises Overloaded."""
        if self.limiter.full:
            why = f"the {self._name} service is at its limit of requests in flight"
            raise self._counted(Overloaded(Code.OVERLOADED, "gateway_busy", why))
        if (ticket := self.breaker.admit(now)) is None:
            why = f"the {self._name} service does not respond"
            raise self._counted(Overloaded(Code.OVERLOADED, "circuit_open", why))
        self.limiter.enter()
        return ticket

    def _counted(self, refusal: Overloaded) -> Overloaded:
        self.shed[refusal.reason] += 1
        return refusal

    def leave(
        self, ticket: Ticket, started: float, now: float, slow_after: float, error: BaseException | None = None
    ) -> None:
        """Learn from the outcome of the call. One over `slow_after` seconds may be a sign of congestion."""
        slow = now - started > slow_after
        congested: bool | None = None
        timed_out: bool | None = None
        match error:
            case Overloaded():
                congested, timed_out = True, False
            case DeadlineExceeded():
                congested = timed_out = slow or None
            case CancelledError():
                congested = slow or None
            case None | RemoteFault() | BadReply():
                congested, timed_out = slow, False
        self.limiter.leave(started, now, congested=congested)
        self.breaker.settle(ticket, now, timed_out=timed_out)
