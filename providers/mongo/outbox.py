"""The outbox within documents: an event is written by the same write as the change that it tells of (ADR 21)."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import uuid4

from pymongo import ReturnDocument

from providers.mongo.database import Database, Document
from providers.mongo.operation import operation
from providers.terms import Terms

UNSENT: Final = "unsent_events"
"""The field of a document with its events that the stream does not have yet: the change pushes them there."""
_LEASE: Final = "unsent_lease"
"""The field that says which relay sends them, and until when."""
_LEASED: Final = 60
"""Seconds: longer than a claim lasts. After them another relay sends what a dead one has left."""
_MOST_COUNTED: Final = 10_000
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Entry(NamedTuple):
    """One event that waits for the stream."""

    id: str
    subject: str
    aggregate: str
    headers: dict[str, str]
    body: bytes


def unsent(entry: Entry) -> Document:
    """The element of `unsent_events` that stands for the event."""
    at = datetime.now(UTC)
    headers = [{"name": name, "value": value} for name, value in entry.headers.items()]
    return {**entry._asdict(), "headers": headers, "body": entry.body.decode(), "at": at}


def _entry(element: Document) -> Entry:
    headers = {header["name"]: header["value"] for header in element["headers"]}
    return Entry(element["id"], element["subject"], element["aggregate"], headers, element["body"].encode())


class ClaimedEntries:
    """The entries of the documents that one relay has claimed."""

    def __init__(self, outbox: "MongoOutbox", holder: str, documents: Sequence[Document]) -> None:
        self.entries = [_entry(element) for document in documents for element in document[UNSENT]]
        self._outbox = outbox
        self._holder = holder
        self._documents = [document["_id"] for document in documents]

    async def remove(self, ids: Collection[str]) -> None:
        """Remove the entries with these ids."""
        await self._outbox.update(self._documents, self._holder, {"$pull": {UNSENT: {"id": {"$in": [*ids]}}}})

    async def release(self) -> None:
        """Leave the documents to any relay."""
        if self._documents:
            await self._outbox.update(self._documents, self._holder, {"$unset": {_LEASE: ""}})


class MongoOutbox:
    """The events in the documents of one collection. Each document is an aggregate, and one relay at a time has it."""

    def __init__(self, database: Database, collection: str, terms: Terms) -> None:
        self._documents = database[collection]
        self._terms = terms
        self._written = asyncio.Event()

    async def ensure_index(self) -> None:
        """Make the index by which documents with events are found."""
        async with operation(self._terms):
            await self._documents.create_index(f"{UNSENT}.at", sparse=True)

    def wrote(self) -> None:
        """Wake the relays of this process; call it after a write that pushed an event."""
        self._written.set()

    @asynccontextmanager
    async def claim(self, most: int) -> AsyncIterator[ClaimedEntries]:
        """Claim the documents with the oldest events, until they have `most` events, for a minute at most."""
        holder = uuid4().hex
        documents: list[Document] = []
        count = 0
        while count < most and (document := await self._claim_one(holder, [one["_id"] for one in documents])):
            documents.append(document)
            count += len(document[UNSENT])
        claimed = ClaimedEntries(self, holder, documents)
        try:
            yield claimed
        finally:
            await claimed.release()

    async def _claim_one(self, holder: str, claimed: list[Any]) -> Document | None:
        free = {"$or": [{_LEASE: {"$exists": False}}, {"$expr": {"$lt": [f"${_LEASE}.until", "$$NOW"]}}]}
        until = {"$dateAdd": {"startDate": "$$NOW", "unit": "second", "amount": _LEASED}}
        async with operation(self._terms):
            found: Document | None = await self._documents.find_one_and_update(
                {f"{UNSENT}.at": {"$gt": _BEGINNING}, "_id": {"$nin": claimed}, **free},
                [{"$set": {_LEASE: {"holder": holder, "until": until}}}],
                sort=[(f"{UNSENT}.at", 1)],
                projection={UNSENT: 1},
                return_document=ReturnDocument.AFTER,
            )
            return found

    async def update(self, documents: Sequence[Any], holder: str, change: Document) -> None:
        """Change those of the documents that the holder still has."""
        async with operation(self._terms):
            await self._documents.update_many({"_id": {"$in": [*documents]}, f"{_LEASE}.holder": holder}, change)

    async def backlog(self) -> tuple[int, float]:
        """How many documents have events, and for how many seconds the oldest event waits. Counts 10,000 at most."""
        unsent = {f"{UNSENT}.at": {"$gt": _BEGINNING}}
        async with operation(self._terms):
            oldest = await self._documents.find_one(unsent, {f"{UNSENT}.at": 1}, sort=[(f"{UNSENT}.at", 1)])
            if oldest is None:
                return 0, 0.0
            count = await self._documents.count_documents(unsent, limit=_MOST_COUNTED)
        written: datetime = min(element["at"] for element in oldest[UNSENT])
        return count, max(0.0, (datetime.now(UTC) - written).total_seconds())

    async def wait(self, timeout: float) -> None:
        """Return after a write of this process that pushed an event, or after `timeout` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._written.wait()
        self._written.clear()
