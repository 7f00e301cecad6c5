"""One channel of delivery: whether it is available, how much it carries at once, and what it has done."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from contracts.notifications import Channel
from notifications_svc.repository import Due

_LONGEST_AWAY: Final = 30.0
"""Seconds of the longest pause of an unavailable channel."""
_BUSY_PAUSE: Final = 1.0

Send = Callable[[Due, str], Awaitable[None]]
"""Delivers a notification to an address. Raises Later, Away or Undeliverable."""


@dataclass
class ChannelStats:
    """Counts of one channel since the start."""

    sent: int = 0
    errors: int = 0
    """Attempts that failed."""
    retried: int = 0
    """Failed attempts after which the delivery is tried again."""
    failed: int = 0
    """Notifications that were given up."""
    running: int = 0
    """Deliveries at work now."""
    last_error: str = ""


class Route:
    """A channel: whether it is available, and how many deliveries it runs at once."""

    def __init__(self, send: Send, most: int) -> None:
        self.stats = ChannelStats()
        self._send = send
        self._most = most
        self._pause = 0.0
        self._until = 0.0

    async def deliver(self, due: Due, address: str) -> None:
        """Deliver over the channel. Raises as `Send` does."""
        self.stats.running += 1
        try:
            await self._send(due, address)
        finally:
            self.stats.running -= 1

    def rest(self) -> float:
        """Seconds to wait before the next try; 0 or less if it may run now."""
        return _BUSY_PAUSE if self.stats.running >= self._most else self._until - time.monotonic()

    def is_away(self) -> float:
        """Record that the channel is unavailable. Returns the seconds to wait before the next try."""
        if self._until <= time.monotonic():  # otherwise another delivery has just recorded it
            self._pause = min(max(2 * self._pause, 1.0), _LONGEST_AWAY)
            self._until = time.monotonic() + self._pause
        return self._pause

    def is_back(self) -> None:
        """Record a success."""
        self.stats.sent += 1
        self._pause = self._until = 0.0


def most(channel: Channel, at_once: int) -> int:
    """Deliveries at once. Webhooks may use half of them, so that slow ones do not hold up mail."""
    return max(1, at_once // 2) if channel is Channel.WEBHOOK else at_once
