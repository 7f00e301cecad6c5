"""When a call may be tried again: soon, a few times, and never so often that it makes things worse."""

import random
from asyncio import get_running_loop
from typing import Final

MOST_RETRIES: Final = 3
PROMPT: Final = 0.25
"""Seconds: a refusal that took longer has waited for what the worker stands on, and another would wait there too."""
MOST_RECONNECTS: Final = 6
_FIRST_PAUSE = 0.03
_GROWTH = 3.0

_SPREAD = 0.2


def pause(retries: int) -> float:
    """Seconds to wait before the next try, after so many: growing, and random so that callers do not come in step.

    Full jitter: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    return random.uniform(0, _FIRST_PAUSE * _GROWTH ** min(retries, MOST_RETRIES))  # noqa: S311  # no secret depends on it


def jittered(seconds: float) -> float:
    """The time, longer or shorter by a fifth at most, so that it falls in step with nothing else."""
    return seconds * (1 - _SPREAD + 2 * _SPREAD * random.random())  # noqa: S311  # no secret depends on it


class RetryBudget:
    """How many retries the calls to one service have earned: a fifth of the requests, and ten a second.

    The rule and its numbers are Linkerd's: retries help against a fault here and there, and must not multiply the load
    of a service that is down.
    """

    def __init__(self, per_request: float = 0.2, per_second: float = 10.0, most: float = 100.0) -> None:
        self._per_request = per_request
        self._per_second = per_second
        self._most = most
        self._earned = most
        self._at = 0.0

    def request(self) -> None:
        """Earn a part of a retry by a request."""
        self._earned = min(self._earned + self._per_request, self._most)

    def forfeit(self) -> None:
        """Lose what was saved: from here on there is only what is earned."""
        self._earned = 0.0
        self._at = get_running_loop().time()

    def spend(self) -> bool:
        """Whether one more retry is in the budget; it is spent then."""
        now = get_running_loop().time()
        self._earned = min(self._earned + (now - self._at) * self._per_second, self._most)
        self._at = now
        if self._earned < 1:
            return False
        self._earned -= 1
        return True
