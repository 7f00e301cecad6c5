"""When a call may be tried again: soon, a few times, and never so often that it makes things worse."""

import random
from asyncio import get_running_loop
from typing import Final

MOST_RETRIES: Final = 3
MOST_RECONNECTS: Final = 6
_FIRST_PAUSE = 0.03
_GROWTH = 3.0

_PER_REQUEST = 0.2
_PER_SECOND = 10.0
_MOST_SAVED = 100.0


def pause(retries: int) -> float:
    """Seconds to wait before the next try, after so many: growing, and random so that callers do not come in step.

    Full jitter: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    return random.uniform(0, _FIRST_PAUSE * _GROWTH ** min(retries, MOST_RETRIES))  # noqa: S311  # no secret depends on it


class RetryBudget:
    """How many retries the calls to one service have earned: a fifth of the requests, and ten a second.

    The rule and its numbers are Linkerd's: retries help against a fault here and there, and must not multiply the load
    of a service that is down.
    """

    def __init__(self) -> None:
        self._earned = _MOST_SAVED
        self._at = 0.0

    def request(self) -> None:
        """Earn a part of a retry by a request."""
        self._earned = min(self._earned + _PER_REQUEST, _MOST_SAVED)

    def spend(self) -> bool:
        """Whether one more retry is in the budget; it is spent then."""
        now = get_running_loop().time()
        self._earned = min(self._earned + (now - self._at) * _PER_SECOND, _MOST_SAVED)
        self._at = now
        if self._earned < 1:
            return False
        self._earned -= 1
        return True
