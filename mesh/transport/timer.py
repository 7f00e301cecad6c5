"""One timer for all that may become due: it costs a fraction of one for each, and rings seldom."""

import asyncio
from asyncio import get_running_loop
from collections.abc import Callable
from math import inf
from typing import Final

TICK: Final = 0.01
"""Seconds between two looks at least, and so the most that something is late; it is never early."""


class Sweep:
    """Has `look(now)` do what is due, and tell when the next thing will be, `inf` where there is none."""

    def __init__(self, look: Callable[[float], float]) -> None:
        self._look = look
        self._timer: asyncio.TimerHandle | None = None
        self._at = inf

    def by(self, due: float) -> None:
        """Look when this moment has come. `due`: in the event loop's own time."""
        if due < self._at:
            loop = get_running_loop()
            due = max(due, loop.time() + TICK)
            if due < self._at:
                if self._timer is not None:
                    self._timer.cancel()
                self._at = due
                self._timer = loop.call_at(due, self._ring)

    def _ring(self) -> None:
        self._timer, self._at = None, inf
        self.by(self._look(get_running_loop().time()))
