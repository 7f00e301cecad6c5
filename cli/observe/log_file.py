"""Reads one log: its latest lines, and each new one."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from cli.observe.log_line import Line, Wanted, read

_LONGEST: Final = 64 * 1024
"""Bytes of a line. A longer one is read in pieces."""


class LogFile:
    """The log of one process."""

    def __init__(self, path: Path) -> None:
        """The file may be absent."""
        self.path = path
        self._position = 0
        self._at = 0.0

    def latest(self, wanted: Wanted, most: int) -> list[Line]:
        """The latest lines that are wanted, oldest first. `new` goes on after them."""
        return list(deque(self.new(wanted), maxlen=most))

    def new(self, wanted: Wanted) -> Iterator[Line]:
        """The wanted lines that were written since the last call. A line without its end waits for it."""
        try:
            with self.path.open("rb") as file:
                if self.path.stat().st_size < self._position:
                    self._position = 0  # the log was rotated
                file.seek(self._position)
                yield from self._lines(file, wanted)
        except FileNotFoundError:
            return

    def _lines(self, file: BinaryIO, wanted: Wanted) -> Iterator[Line]:
        while written := file.readline(_LONGEST):
            if not written.endswith(b"\n") and len(written) < _LONGEST:
                return
            self._position += len(written)
            text = written.decode(errors="replace").rstrip("\r\n")
            if not text or not wanted.may_match(text):
                continue
            line = read(self.path.stem, text, self._at)
            self._at = line.at
            if wanted.match(line):
                yield line
