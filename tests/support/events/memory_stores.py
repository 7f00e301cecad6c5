"""A store in memory with an outbox and an inbox: transactions that commit at once or not at all."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import NamedTuple


class Entry(NamedTuple):
    """An event that waits for the stream."""

    id: str
    subject: str
    aggregate: str
    headers: dict[str, str]
    body: bytes


@dataclass
class MemoryStore:
    """What survives the processes that use it."""

    outbox: list[Entry] = field(default_factory=list)
    written: list[Entry] = field(default_factory=list)
    """All that was ever in the outbox, in the order of the commits."""
    inbox: set[str] = field(default_factory=set)
    effects: list[str] = field(default_factory=list)
    claimed: dict[str, "Session"] = field(default_factory=dict)
    """Whose claim each aggregate is."""
    applying: dict[str, "Session"] = field(default_factory=dict)
    """Whose transaction is about to apply each event."""


class Lost(Exception):
    """The connection to the store is gone."""


class Batch:
    """Claimed entries; what is removed is gone once the claim ends."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = entries
        self.removed: set[str] = set()

    async def remove(self, ids: Collection[str]) -> None:
        await asyncio.sleep(0)
        self.removed |= {*ids}


class Session:
    """One process's connection to the store: an outbox and an inbox. Every await is a place where it may be lost."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._alive = True
        self._written = asyncio.Event()

    def lose(self) -> None:
        """Roll back what is open; from now on nothing succeeds."""
        self._alive = False
        for held in (self._store.claimed, self._store.applying):
            for key in [key for key, holder in held.items() if holder is self]:
                del held[key]

    async def _await(self) -> None:
        await asyncio.sleep(0)
        if not self._alive:
            raise Lost

    async def write(self, entry: Entry) -> None:
        """Commit a change that publishes an event."""
        await self._await()
        self._store.outbox.append(entry)
        self._store.written.append(entry)
        self._written.set()
        await self._await()

    @asynccontextmanager
    async def claim(self, most: int) -> AsyncIterator[Batch]:
        await self._await()
        store = self._store
        free = [entry for entry in store.outbox if store.claimed.get(entry.aggregate, self) is self][:most]
        mine = {entry.aggregate for entry in free}
        store.claimed.update(dict.fromkeys(mine, self))
        batch = Batch(free)
        try:
            await self._await()
            yield batch
            await self._await()
            store.outbox[:] = [entry for entry in store.outbox if entry.id not in batch.removed]
            await self._await()
        finally:
            for aggregate in mine:
                if store.claimed.get(aggregate) is self:
                    del store.claimed[aggregate]

    async def backlog(self) -> tuple[int, float]:
        await self._await()
        return len(self._store.outbox), float(bool(self._store.outbox))

    async def wait(self, timeout: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._written.wait()
        self._written.clear()

    @asynccontextmanager
    async def once(self, event_id: str) -> AsyncIterator[list[str] | None]:
        store = self._store
        await self._await()
        while event_id in store.applying:
            await self._await()
        if event_id in store.inbox:
            yield None
            return
        store.applying[event_id] = self
        effects: list[str] = []
        try:
            await self._await()
            yield effects
            await self._await()
            store.inbox.add(event_id)
            store.effects += effects
            await self._await()
        finally:
            if store.applying.get(event_id) is self:
                del store.applying[event_id]
