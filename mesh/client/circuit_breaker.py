"""When to stop asking a service that does not answer, and when to ask again."""

from typing import NamedTuple

import structlog

log = structlog.get_logger()


class Ticket(NamedTuple):
    """What a call may go through with."""

    era: int
    begun: float


class Breaker:
    """A circuit breaker (Nygard, "Release It!").

    Closed, it opens after `timeouts` calls without an answer, if the service answered nobody meanwhile. Open, it is
    half-open `rest` seconds later. Half-open, it lets single calls through, one at a time: an answer to one closes it,
    a timeout opens it again. A call that began before the breaker last opened or closed has no say. Times are the
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
        self._era = 0

    @property
    def closed(self) -> bool:
        """Whether every call may go through."""
        return self._open_until is None

    def admit(self, now: float) -> Ticket | None:
        """A ticket for one call, which `settle` must get back however the call ends; None: it may not go through."""
        if self._open_until is not None:
            if self._probing or now < self._open_until:
                return None
            self._probing = True
        return Ticket(self._era, now)

    def settle(self, ticket: Ticket, now: float, *, timed_out: bool | None) -> None:
        """Learn how the call of this ticket ended; None: in a way that tells nothing, as when it was cancelled."""
        if ticket.era != self._era:
            return
        self._probing = False
        if timed_out and ticket.begun >= self._answered:
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
            log.warning("circuit_opened", service=self._name, timeouts=self._timeouts)
        self._open_until = now + self._rest
        self._era += 1

    def _close(self) -> None:
        log.info("circuit_closed", service=self._name)
        self._open_until = None
        self._era += 1
