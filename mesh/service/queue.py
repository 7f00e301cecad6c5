"""Who waits for a handler, and who had better not."""

from collections import deque
from typing import Generic, TypeVar

Request = TypeVar("Request")

_NEWEST = 0.1
"""The weight of the newest request in the usual time of one."""
_WAIT = 0.25
"""The part of its time that a request may wait for a handler.

Below the silence after which Client asks again and what a gateway takes for congestion: a queue must bring on neither.
"""


class Backlog(Generic[Request]):
    """A queue before so many handlers, bounded by its length and by the age that it would let a request reach."""

    def __init__(self, *, handlers: int, size: int) -> None:
        self._handlers = handlers
        self._size = size
        self._waiting: deque[Request] = deque()
        self._usual_seconds = 0.0

    def __len__(self) -> int:
        return len(self._waiting)

    def refusal(self, time_left: float) -> str | None:
        """Why a request with so many seconds left is not to wait here; None where it may.

        `queue_full`, or `queue_too_slow`: by what handlers took of late its turn would not come soon, or its end not
        before its deadline.
        """
        if len(self) >= self._size:
            return "queue_full"
        wait = (len(self) + 1) / self._handlers * self._usual_seconds  # those before it, and one at work
        in_time = wait <= _WAIT * time_left and wait + self._usual_seconds <= time_left
        return None if in_time else "queue_too_slow"

    def append(self, request: Request) -> None:
        """Have it wait behind the others."""
        self._waiting.append(request)

    def next(self) -> Request | None:
        """The one that has waited longest, taken out."""
        return self._waiting.popleft() if self._waiting else None

    def learn(self, seconds: float) -> None:
        """Take into account how long a handler took."""
        self._usual_seconds += (seconds - self._usual_seconds) * _NEWEST
