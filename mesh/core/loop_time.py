"""Reads the event loop's time cheaply, for use in each request."""

from asyncio import get_running_loop
from collections.abc import Callable


class LoopTime:
    """Looks up the running loop once: up to Python 3.11 each lookup is a system call, a few percent of a request."""

    __slots__ = ("now",)

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self.now: Callable[[], float] = clock or self._first
        """Seconds on `clock`; without one on the clock of the loop that ran at the first call."""

    def _first(self) -> float:
        self.now = get_running_loop().time
        return self.now()
