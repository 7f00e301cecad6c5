"""Standard streams that may be closed, full or without a reader; the process must not fail for it."""

import os
import sys
from collections.abc import Callable
from io import RawIOBase
from typing import TextIO


class BestEffortStream(RawIOBase):
    """An unbuffered byte stream. Bytes that it does not accept are lost, and writing never raises."""

    def __init__(self, stream: TextIO, on_failure: Callable[[OSError], None] = lambda _: None) -> None:
        """`on_failure` gets the error when bytes are lost."""
        # A buffer would keep rejected bytes, and fail with them when the process ends.
        self._out = getattr(stream.buffer, "raw", stream.buffer)
        self._on_failure = on_failure

    def writable(self) -> bool:
        """Whether it is writable: TextIOWrapper asks."""
        return True

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return bool(self._out.isatty())

    def write(self, text: bytes) -> int:  # type: ignore[override]  # nobody writes anything but bytes
        """Write all bytes if possible."""
        rest = text
        try:
            while rest:
                rest = rest[self._out.write(rest) or len(rest) :]
        except OSError as error:
            self._on_failure(error)
        return len(text)


def open_streams() -> None:
    """Point closed standard streams at /dev/null.

    Otherwise the next file or socket gets their number, and anything written to standard error ends up in it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number: this one
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115  # as long as the process lives
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115  # the same
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115  # the same
