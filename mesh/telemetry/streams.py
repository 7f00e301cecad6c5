"""Standard streams that may be closed, full or without a reader: no reason for a process to fail."""

import os
import sys
from collections.abc import Callable
from io import RawIOBase
from typing import TextIO


class Tolerant(RawIOBase):
    """A stream's bytes, without a buffer. What it does not take is lost, and nobody who writes fails for it."""

    def __init__(self, stream: TextIO, on_failure: Callable[[OSError], None] = lambda _: None) -> None:
        """`on_failure` hears why something was lost."""
        # A buffer would keep what was not taken, and fail with it at the process's end.
        self._out = getattr(stream.buffer, "raw", stream.buffer)
        self._on_failure = on_failure

    def writable(self) -> bool:
        """As a stream for text asks."""
        return True

    def isatty(self) -> bool:
        """Whether a person reads it."""
        return bool(self._out.isatty())

    def write(self, text: bytes) -> int:  # type: ignore[override]  # nobody writes anything but bytes
        """Write all of it, if it can be."""
        rest = text
        try:
            while rest:
                rest = rest[self._out.write(rest) or len(rest) :]
        except OSError as error:
            self._on_failure(error)
        return len(text)


def open_streams() -> None:
    """Have closed standard streams lead to /dev/null.

    Otherwise the next file or socket gets the number of one, and whoever writes to standard error writes into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115  # as long as the process lives
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115  # the same
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115  # the same
