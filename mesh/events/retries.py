"""How often and how soon a failed event is tried again."""

import random
from typing import Final, NamedTuple

from mesh.core.errors import CallError, Code, Fault, RemoteFault
from mesh.service.faults import bug, deadline_passed, passed_on

_LONGEST_DETAIL: Final = 500


class Failure(NamedTuple):
    """Why a handler failed."""

    reason: str
    detail: str
    outage: bool = False
    """Whether something that the handler needs is unavailable: then the event is not at fault."""
    final: bool = False
    """Whether no other try can succeed."""


HANDED_BACK: Final = Failure("handed_back", "the process ends")


class Retries(NamedTuple):
    """The rule: growing pauses, and an end."""

    tries: int = 8
    """Deliveries after which a failing event becomes a dead letter."""
    most: int = 40
    """The same if an outage or a killed process is the cause: about an hour."""
    first: float = 0.1
    """Seconds before the second try."""
    growth: float = 3.0
    longest: float = 120.0
    """Seconds."""

    def pause(self, attempt: int) -> float:
        """Seconds before the next try. Up to a fifth is random, so that events that failed together are spread."""
        pause = min(self.longest, self.first * self.growth ** min(attempt - 1, 20))
        return pause * (1 + random.random() / 5)  # noqa: S311  # no secret

    def is_last(self, attempt: int, failed: Failure) -> bool:
        """Whether the failed try was the last."""
        return failed.final or attempt >= (self.most if failed.outage else self.tries)


def failure(error: Exception, event: str) -> Failure:
    """The failure for an exception of a handler. An unexpected exception is logged.

    An invalid argument is final, whether the handler or a service that it calls refuses it: the event stays as it is.
    """
    if isinstance(error, Fault | RemoteFault) and error.code is Code.INVALID_ARGUMENT:
        return Failure(error.reason, error.detail, final=True)
    if isinstance(error, CallError):
        error = passed_on(error)
    if isinstance(error, Fault):
        return Failure(error.reason, error.detail, error.code.retryable)
    fault = bug(event, error)
    return Failure(fault.reason, f"{type(error).__name__}: {error}"[:_LONGEST_DETAIL])


def timed_out(seconds: float) -> Failure:
    """The failure of a handler that has used up its own time."""
    fault = deadline_passed(f"the handler took longer than {seconds:g} s")
    return Failure(fault.reason, fault.detail)
