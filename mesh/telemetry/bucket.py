"""Bounds how often something happens, without losing what happens seldom (a token bucket)."""

import time
from collections.abc import Callable
from typing import Final

_AT_ONCE: Final = 10
"""Seconds without use after which the bucket is full."""


class Bucket:
    """Admits `per_second` on average, and ten times as many at once after a quiet time. 0 admits everything."""

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` returns seconds that only grow."""
        self._rate = per_second
        self._clock = clock
        self._most = self._left = per_second * _AT_ONCE
        self._at = clock()

    def take(self) -> bool:
        """Whether one more is admitted now."""
        if not self._rate:
            return True
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
