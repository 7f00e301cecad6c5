"""Limits repeated warnings in the log: a client or another process can cause any number of them."""

import atexit
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock, Timer
from typing import Final

import structlog
from structlog.typing import EventDict

MOST: Final = 20
SECONDS: Final = 10.0
LEFT_OUT: Final = "lines_left_out"
_UNLIMITED: Final = frozenset({"debug", "info"})


@dataclass
class _Window:
    """The lines of one kind since the first of them."""

    ends: float
    passed: int = 0
    left_out: int = 0


class LogLimit:
    """Passes at most `most` warnings and errors of one kind within `seconds`; a structlog processor.

    The kind of a line is its event, plus its logger if a library wrote it. At the end of the window one line reports
    how many lines were dropped. A timer thread exists only during a flood.
    """

    def __init__(self, most: int = MOST, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._windows: dict[str, _Window] = {}
        self._lock = Lock()
        atexit.register(self.report_all)

    def __call__(self, _logger: object, method: str, event: EventDict) -> EventDict:
        """Pass the line. Raises DropEvent for a line over the limit."""
        if method in _UNLIMITED or event["event"] == LEFT_OUT:
            return event
        kind = f"{event['event']} {event['logger']}" if "logger" in event else str(event["event"])
        with self._lock:
            window = self._windows.get(kind)
            now = self._clock()
            if window is None or (now >= window.ends and not window.left_out):
                window = self._windows[kind] = _Window(now + self._seconds)
            if window.passed < self._most:
                window.passed += 1
                return event
            window.left_out += 1
            if window.left_out == 1:
                timer = Timer(max(window.ends - now, 0), self._report, [kind])
                timer.daemon = True
                timer.start()
        raise structlog.DropEvent

    def report_all(self) -> None:
        """Report the dropped lines of all kinds now."""
        for kind in tuple(self._windows):
            self._report(kind)

    def _report(self, kind: str) -> None:
        with self._lock:
            window = self._windows.pop(kind, None)
        if window is not None and window.left_out:
            structlog.get_logger().warning(LEFT_OUT, of=kind, lines=window.left_out)
