"""How lines of the log are written: those of ordinary work once a turn of the event loop, the others at once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from select import PIPE_BUF
from threading import get_ident

from mesh.transport.write_buffer import WriteBuffer


class Lines:
    """A logger of structlog's that writes bytes, and the factory of it.

    Each write is a system call, and there is a line for each request. So while the event loop runs, debug and info
    lines of its thread are written together at the end of a turn. A warning or an error is written at once, behind
    what waits.

    Together they are no more than a pipe takes as one. Of more it may take a part, where it is nearly full, and let
    another thread's line in between, or, where it does not block, lose the rest: a line in two, or half of one.
    """

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._buffer: WriteBuffer | None = None
        self._thread: int | None = None

    def __call__(self, *_: object) -> "Lines":
        """As structlog wants a factory."""
        return self

    @contextmanager
    def once_a_turn(self) -> Iterator[None]:
        """Write lines together while the event loop runs, from which this is called."""
        self._buffer, self._thread = WriteBuffer(self._write), get_ident()
        try:
            yield
        finally:
            self._thread = None
            self._buffer.flush()

    def info(self, line: bytes) -> None:
        """Write a line soon."""
        if self._buffer is not None and get_ident() == self._thread:
            if self._buffer.size + len(line) >= PIPE_BUF:
                self._buffer.flush()
            self._buffer.add(line + b"\n")
        else:
            self._write(line + b"\n")

    debug = info

    def warning(self, line: bytes) -> None:
        """Write a line now."""
        if self._buffer is not None and get_ident() == self._thread:
            self._buffer.flush()
        self._write(line + b"\n")

    error = critical = warning
