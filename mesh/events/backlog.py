"""Reads how much waits in an outbox: the relay does not look there while NATS is away."""

import asyncio
from typing import Final

import structlog

from mesh.events.stores import Outbox

log = structlog.get_logger()

_EVERY: Final = 5.0
"""Seconds between two reads."""


class Backlog:
    """How much waits in an outbox, as the latest read found it."""

    def __init__(self, outbox: Outbox, every: float = _EVERY) -> None:
        self.entries = 0
        self.age = 0.0
        """Seconds since the oldest one was written; 0 if none waits."""
        self._outbox = outbox
        self._every = every

    async def watch(self) -> None:
        """Read again and again, until cancelled."""
        while True:
            try:
                self.entries, self.age = await self._outbox.backlog()
            except Exception as error:  # noqa: BLE001  # of any store; the last numbers stay
                log.warning("backlog_not_read", error=str(error), type=type(error).__name__)
            await asyncio.sleep(self._every)
