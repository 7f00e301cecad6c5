"""Writes log lines: ordinary ones once per event-loop turn, warnings and errors at once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from select import PIPE_BUF
from threading import get_ident

from mesh.transport.write_buffer import WriteBuffer


class LogWriter:
    """A structlog logger that writes bytes, and its own factory.

    Each write is a system call, and each request logs a line. So the event loop's thread joins its debug and info lines
    and writes them at the end of a turn. A warning or an error is written at once, after the lines that wait.

    Joined lines fit into one atomic write to a pipe. A nearly full pipe may accept a part of a larger write: another
    thread's line may then split a line, or a pipe that does not block may lose half of one.
    """

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._buffer: WriteBuffer | None = None
        self._thread: int | None = None
        self.close: Callable[[], None] = lambda: None
        """Sends the last lines, where lines are sent. Python calls it at the end of the process."""

    def __call__(self, *_: object) -> "LogWriter":
        """Return this logger: structlog calls a factory."""
        return self

    @contextmanager
    def once_a_turn(self) -> Iterator[None]:
        """Join lines while the context is open; call it from the event loop."""
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
