"""One event-loop timer shared by many deadlines: far cheaper than one timer each."""

import asyncio
from asyncio import get_running_loop
from collections.abc import Callable
from math import inf
from typing import Final

TICK: Final = 0.01
"""Seconds between two rings at least. A deadline is noticed up to one tick late, and never early."""


class Timer:
    """Calls `on_ring(now)` when a deadline has come; it handles what is due and returns the next one, or `inf`."""

    def __init__(self, on_ring: Callable[[float], float]) -> None:
        self._on_ring = on_ring
        self._handle: asyncio.TimerHandle | None = None
        self._at = inf

    @property
    def running(self) -> bool:
        """Whether it will ring."""
        return self._handle is not None

    def ring_by(self, due: float) -> None:
        """Ring at this moment at the latest. `due` is in the event loop's time."""
        if due < self._at:
            loop = get_running_loop()
            due = max(due, loop.time() + TICK)
            if due < self._at:
                if self._handle is not None:
                    self._handle.cancel()
                self._at = due
                self._handle = loop.call_at(due, self._ring)

    def _ring(self) -> None:
        self._handle, self._at = None, inf
        self.ring_by(self._on_ring(get_running_loop().time()))
