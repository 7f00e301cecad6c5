"""What is written within one turn of the event loop, as one write: each is a system call."""

from asyncio import get_running_loop
from collections.abc import Callable
from typing import Final

_MOST: Final = 64 * 1024


class Gathered:
    """Bytes on their way to `write`: together at the end of this turn, or sooner where they are over 64 KiB."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._call_soon = get_running_loop().call_soon
        self._waiting: list[bytes] = []
        self.size = 0
        """Bytes that wait."""

    def add(self, data: bytes) -> None:
        """Write soon."""
        if not self._waiting:
            self._call_soon(self.flush)
        self._waiting.append(data)
        self.size += len(data)
        if self.size > _MOST:
            self.flush()

    def flush(self) -> None:
        """Write what there is, now."""
        if self._waiting:
            waiting, self._waiting, self.size = self._waiting, [], 0
            self._write(b"".join(waiting))
