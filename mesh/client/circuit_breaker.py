"""A circuit breaker: stops calls to a service that does not answer, and probes it later."""

from typing import NamedTuple

import structlog

log = structlog.get_logger()


class Ticket(NamedTuple):
    """A permission for one call."""

    generation: int
    started: float


class CircuitBreaker:
    """A circuit breaker (Nygard, "Release It!").

    A closed breaker opens after `timeouts` unanswered calls, if the service answered no call meanwhile. An open breaker
    is half-open after `rest` seconds. A half-open breaker admits one call at a time: an answer closes the breaker, a
    timeout opens it again. A call that started before the breaker last opened or closed does not count. Times are the
    event loop's.
    """

    def __init__(self, name: str, *, timeouts: int, rest: float) -> None:
        self._name = name
        self._most = timeouts
        self._rest = rest
        self._timeouts = 0
        self._answered = float("-inf")
        self._open_until: float | None = None
        self._probing = False
        self._generation = 0

    @property
    def closed(self) -> bool:
        """Whether every call is admitted."""
        return self._open_until is None

    def admit(self, now: float) -> Ticket | None:
        """A ticket for one call, or None to refuse it. The caller must `settle` the ticket, whatever the outcome."""
        if self._open_until is not None:
            if self._probing or now < self._open_until:
                return None
            self._probing = True
        return Ticket(self._generation, now)

    def settle(self, ticket: Ticket, now: float, *, timed_out: bool | None) -> None:
        """Record the outcome of a call; None if it shows nothing, as after a cancellation."""
        if ticket.generation != self._generation:
            return
        self._probing = False
        if timed_out and ticket.started >= self._answered:
            self._timeouts += 1
            if self._timeouts >= self._most:
                self._open(now)
        elif timed_out is False:
            self._timeouts = 0
            self._answered = now
            if self._open_until is not None:
                self._close()

    def _open(self, now: float) -> None:
        if self._open_until is None:
            log.warning("circuit_opened", peer=self._name, timeouts=self._timeouts)
        self._open_until = now + self._rest
        self._generation += 1

    def _close(self) -> None:
        log.info("circuit_closed", peer=self._name)
        self._open_until = None
        self._generation += 1
