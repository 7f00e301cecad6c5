"""The event loop's time, for what is asked with each request."""

from asyncio import get_running_loop
from collections.abc import Callable


class LoopTime:
    """Asks once which loop is running: up to Python 3.11 each time is a system call, at a few percent of a request."""

    __slots__ = ("now",)

    def __init__(self) -> None:
        self.now: Callable[[], float] = self._first
        """Seconds, on the clock of the loop that ran when this was called first."""

    def _first(self) -> float:
        self.now = get_running_loop().time
        return self.now()
