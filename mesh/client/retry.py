"""Retries: their number, their pauses and their budget."""

import random
from asyncio import get_running_loop
from typing import Final

MOST_RETRIES: Final = 3
PROMPT: Final = 0.25
"""Seconds; a slower refusal has waited for the worker's database, and a retry would wait there too."""
MOST_RECONNECTS: Final = 6
_FIRST_PAUSE = 0.03
_GROWTH = 3.0

_SPREAD = 0.2


def pause(retries: int) -> float:
    """Seconds to wait before the next retry: exponential, and random so that callers do not retry in step.

    Full jitter: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    return random.uniform(0, _FIRST_PAUSE * _GROWTH ** min(retries, MOST_RETRIES))  # noqa: S311  # no secret depends on it


def jittered(seconds: float) -> float:
    """The time ± a fifth at random, so that callers do not act in step."""
    return seconds * (1 - _SPREAD + 2 * _SPREAD * random.random())  # noqa: S311  # no secret depends on it


class RetryBudget:
    """The retries that calls to one service may make: a fifth of the requests, plus ten a second.

    The rule and its numbers are Linkerd's. Retries help against occasional faults, and must not multiply the load of a
    service that is down.
    """

    def __init__(self, per_request: float = 0.2, per_second: float = 10.0, most: float = 100.0) -> None:
        self._per_request = per_request
        self._per_second = per_second
        self._most = most
        self._earned = most
        self._at = 0.0
        self.spent = 0
        """Retries since the start."""

    @property
    def left(self) -> float:
        """The retries that may be made now."""
        return min(self._earned + (get_running_loop().time() - self._at) * self._per_second, self._most)

    def request(self) -> None:
        """Count a request: it earns a fraction of a retry."""
        self._earned = min(self._earned + self._per_request, self._most)

    def forfeit(self) -> None:
        """Drop the saved budget; new requests earn again."""
        self._earned = 0.0
        self._at = get_running_loop().time()

    def spend(self) -> bool:
        """Spend one retry. False if the budget has none."""
        self._earned = self.left
        self._at = get_running_loop().time()
        if self._earned < 1:
            return False
        self._earned -= 1
        self.spent += 1
        return True
