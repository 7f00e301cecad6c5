"""The bounded queue of requests that wait for a handler."""

from collections import Counter, deque
from typing import Generic, TypeVar

Request = TypeVar("Request")

_NEWEST = 0.1
"""The weight of the newest request in the moving average of handling times."""
_WAIT = 0.25
"""Fraction of its remaining time that a request may wait for a handler.

It is below the time after which a client retries, and below the gateway's mark of congestion: a queue must cause
neither.
"""


class RequestQueue(Generic[Request]):
    """A queue bounded by its length and by the expected wait."""

    def __init__(self, *, handlers: int, size: int) -> None:
        self._handlers = handlers
        self._size = size
        self._waiting: deque[Request] = deque()
        self._usual_seconds = 0.0
        self.refused = Counter[str]()
        """Refusals by reason."""

    def __len__(self) -> int:
        return len(self._waiting)

    def refusal(self, time_left: float) -> str | None:
        """The reason to refuse a request with `time_left` seconds, or None to accept it.

        `queue_full`: the queue has reached its length. `queue_too_slow`: by recent handling times the request would
        wait too long or miss its deadline.
        """
        if len(self) >= self._size:
            return self._refused("queue_full")
        wait = (len(self) + 1) / self._handlers * self._usual_seconds  # the requests before it, and one being handled
        in_time = wait <= _WAIT * time_left and wait + self._usual_seconds <= time_left
        return None if in_time else self._refused("queue_too_slow")

    def append(self, request: Request) -> None:
        """Add a request at the end."""
        self._waiting.append(request)

    def next(self) -> Request | None:
        """Remove and return the oldest request; None if the queue is empty."""
        return self._waiting.popleft() if self._waiting else None

    def learn(self, seconds: float) -> None:
        """Record how long a handler took."""
        self._usual_seconds += (seconds - self._usual_seconds) * _NEWEST

    def _refused(self, reason: str) -> str:
        self.refused[reason] += 1
        return reason
