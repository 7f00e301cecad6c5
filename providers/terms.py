"""The one translation of a database's outage, for every driver: from its error to what the process says of it."""

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from providers.errors import DatabaseReadOnly, DatabaseTimedOut, DatabaseUnavailable

log = structlog.get_logger()


def _no_deadline() -> float | None:
    return None


@dataclass(frozen=True, slots=True)
class Terms:
    """What a database needs to know of the process that it serves, in the process's own terms."""

    unavailable: Callable[[str], Exception] = DatabaseUnavailable
    """Makes the exception for a database that cannot be reached, or cannot do in its state what is asked."""
    read_only: Callable[[str], Exception] = DatabaseReadOnly
    """Makes the exception for a write while the database takes none."""
    timed_out: Callable[[str], Exception] = DatabaseTimedOut
    """Makes the exception for what the deadline has ended."""
    remaining: Callable[[], float | None] = _no_deadline
    """Seconds until the deadline of what the current task works on, None where it has none."""

    def outage(  # each by name
        self, error: Exception, said: str, *, margin: float, is_answer: bool, is_read_only: bool, **code: object
    ) -> Exception:
        """What to raise in place of a driver's error that is the database's own; it is logged with its `code`.

        `said`: the driver's words, for the log alone. `margin`: seconds before the deadline in which the deadline
        counts as the cause. `is_answer`: the database has answered, and refused for the state that it is in.
        """
        left = self.remaining()
        if left is not None and left <= margin:
            return self.timed_out("the deadline passed before the database had answered")
        log.warning("database_unavailable", error=said, type=type(error).__name__, **code)
        if is_read_only:
            return self.read_only("the database takes no writes just now")
        return self.unavailable(f"the database {'cannot do this' if is_answer else 'does not answer'} just now")
