"""Joins what is written within one turn of the event loop: each write is a system call."""

from asyncio import get_running_loop
from collections.abc import Callable
from typing import Final

_LIMIT: Final = 64 * 1024
"""Bytes."""


class WriteBuffer:
    """Passes bytes to `write`: joined at the end of this turn, or as soon as more than 64 KiB wait."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._call_soon = get_running_loop().call_soon
        self._chunks: list[bytes] = []
        self.size = 0
        """Bytes that wait."""

    def add(self, data: bytes) -> None:
        """Write soon."""
        if not self._chunks:
            self._call_soon(self.flush)
        self._chunks.append(data)
        self.size += len(data)
        if self.size > _LIMIT:
            self.flush()

    def flush(self) -> None:
        """Write what waits, now."""
        if self._chunks:
            chunks, self._chunks, self.size = self._chunks, [], 0
            self._write(b"".join(chunks))
