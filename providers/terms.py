"""Translates a database's outage, for every driver, to the errors of the process."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog

from providers.errors import DatabaseReadOnly, DatabaseTimedOut, DatabaseUnavailable

log = structlog.get_logger()


class StatementSpan(Protocol):
    """The span of a traced request. It records the statements of the request."""

    def statement(self, about: Mapping[str, str], started: int, ended: int, failure: str | None) -> None:
        """Record a statement by OpenTelemetry's attributes, without values. Times are Unix nanoseconds."""


def _no_deadline() -> float | None:
    return None


def _no_span() -> StatementSpan | None:
    return None


@dataclass(frozen=True, slots=True)
class Terms:
    """How a process reports the state of its database, and the deadline of its current task."""

    unavailable: Callable[[str], Exception] = DatabaseUnavailable
    """Makes the exception for a database that is unreachable or unable to do what is asked."""
    read_only: Callable[[str], Exception] = DatabaseReadOnly
    """Makes the exception for a write to a read-only database."""
    timed_out: Callable[[str], Exception] = DatabaseTimedOut
    """Makes the exception for an operation that the deadline ended."""
    remaining: Callable[[], float | None] = _no_deadline
    """Seconds until the deadline of the current task, or None."""
    span: Callable[[], StatementSpan | None] = _no_span
    """The span of the current task, or None."""

    def outage(  # each by name
        self, error: Exception, said: str, *, margin: float, is_answer: bool, is_read_only: bool, **code: object
    ) -> Exception:
        """The exception for a driver's error that is the database's own. It is logged with its `code`.

        `said`: the driver's message, for the log only. `margin`: seconds before the deadline in which the deadline
        counts as the cause. `is_answer`: the database answered, and refused because of its state.
        """
        left = self.remaining()
        if left is not None and left <= margin:
            return self.timed_out("the deadline passed before the database answered")
        log.warning("database_unavailable", error=said, type=type(error).__name__, **code)
        if is_read_only:
            return self.read_only("the database is read-only at the moment")
        return self.unavailable(f"the database {'cannot do this' if is_answer else 'does not answer'} at the moment")
