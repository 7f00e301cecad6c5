"""The relay: sends the events of the outbox to the stream, in the order of each aggregate."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import structlog

from mesh.core.errors import CallError
from mesh.events import jetstream
from mesh.events.backlog import Backlog
from mesh.events.stores import Outbox, OutboxEntry
from mesh.transport.base import Transport

if TYPE_CHECKING:
    from mesh.telemetry.tracing import Tracer

log = structlog.get_logger()

_MOST: Final = 100
"""Entries in one claim."""
_POLL: Final = 5.0
"""Seconds between two reads of the outbox without a commit: they find the events of a dead process."""
_CLAIM: Final = 3.0
"""Seconds after which a claim sends nothing more: PostgreSQL ends a transaction that is idle for 10 s."""
_SHORTEST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 5.0
_LONGEST_DISCONNECTED: Final = 0.5
_UNTRACED: Final = nullcontext()
_DRAIN: Final = 2.0
"""Seconds at a stop to send the events of the last requests."""


@dataclass
class RelayStats:
    """Counts of one relay since the start."""

    published: int = 0
    errors: int = 0
    last_error: str = ""


class Relay:
    """Publishes the entries of an outbox and removes each once the stream has acknowledged it.

    A commit wakes it. It sends the entries of one aggregate in order, and several aggregates concurrently. A failed
    entry is sent again, after pauses that grow from 0.05 to 5 s. The stream detects a repetition by its
    `Nats-Msg-Id`.
    """

    def __init__(self, outbox: Outbox, transport: Transport, *, poll: float = _POLL, most: int = _MOST) -> None:
        """`poll`: seconds between two reads without a commit. `most`: entries in one claim."""
        self.outbox = outbox
        self._transport = transport
        self._poll = poll
        self._most = most
        self._busy = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self.stats = RelayStats()
        self.tracer: Tracer | None = None
        """Traces events whose publishers trace them; set it before `start`."""
        self.backlog: Backlog | None = None
        """Reads how much waits, while the relay runs; None reads nothing."""

    async def start(self) -> None:
        """Start sending."""
        self._tasks.append(asyncio.create_task(self._run(), name="relay"))
        if self.backlog is not None:
            self._tasks.append(asyncio.create_task(self.backlog.watch(), name="backlog"))

    async def drain(self) -> None:
        """Send what is left, for two seconds at most, and end. The rest is for another replica or the next start."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN):
                await self._relay_all()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def statistics(self) -> dict[str, Any]:
        """The relay's part of a STATS document."""
        stats = self.stats
        return {"published": stats.published, "publish_errors": stats.errors, "last_publish_error": stats.last_error}

    async def _run(self) -> None:
        pause = 0.0
        while True:
            if await self._relay_all():
                pause = 0.0
            else:
                longest = _LONGEST_PAUSE if self._transport.connected else _LONGEST_DISCONNECTED
                pause = min(max(2 * pause, _SHORTEST_PAUSE), longest)
            await (asyncio.sleep(pause) if pause else self.outbox.wait(self._poll))

    async def _relay_all(self) -> bool:
        """Send until nothing is left. Stops at the first failure. Returns whether there was none."""
        errors = self.stats.errors
        async with self._busy:
            try:
                while self._transport.connected and self.stats.errors == errors:
                    if not await self._relay_batch() and self.stats.errors == errors:
                        return True
            except Exception as error:  # noqa: BLE001  # the entries are safe in the store
                self._count_error("outbox_unavailable", error)
        return False

    async def _relay_batch(self) -> bool:
        """Send one claim. Returns whether there may be more to send."""
        async with self.outbox.claim(self._most) as batch:
            if not batch.entries:
                return False
            by_aggregate: dict[str, list[OutboxEntry]] = {}
            for entry in batch.entries:
                by_aggregate.setdefault(entry.aggregate, []).append(entry)
            sent = await asyncio.gather(*map(self.publish_in_order, by_aggregate.values()))
            if ids := [one for some in sent for one in some]:
                await batch.remove(ids)
                self.stats.published += len(ids)
            return len(batch.entries) >= self._most or len(ids) < len(batch.entries)

    async def publish_in_order(self, entries: Sequence[OutboxEntry]) -> list[str]:
        """Send the entries of one aggregate. Returns the ids of those that are stored. Stops at the first failure."""
        sent: list[str] = []
        loop = asyncio.get_running_loop()
        until = loop.time() + _CLAIM
        for entry in entries:
            if loop.time() >= until:
                break  # the rest is for the next claim
            try:
                with self._span(entry):
                    await jetstream.publish(self._transport, entry.subject, entry.body, entry.headers)
            except CallError as error:
                self._count_error("event_not_published", error, subject=entry.subject, id=entry.id)
                break
            sent.append(entry.id)
        return sent

    def _span(self, entry: OutboxEntry) -> AbstractContextManager[None]:
        if self.tracer is None:
            return _UNTRACED
        return self.tracer.in_relay(entry.subject, entry.id, entry.headers)

    def _count_error(self, event: str, error: Exception, **about: str) -> None:
        self.stats.errors += 1
        self.stats.last_error = f"{type(error).__name__}: {error}"
        log.warning(event, error=str(error), type=type(error).__name__, **about)
