"""The collection `inbox`: the ids of the events that a service has applied (ADR 20)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final, Generic, TypeVar

from pymongo.errors import DuplicateKeyError

from providers.mongo.database import Database
from providers.mongo.operation import operation
from providers.terms import Terms

_KEPT: Final = 30 * 24 * 3600
"""Seconds for which an id is kept: as long as the stream keeps the event."""

Repository = TypeVar("Repository")


class MongoInbox(Generic[Repository]):
    """The inbox of the service that owns the database.

    A single MongoDB server has no transactions, so the id is written after the effect. If a process dies in between,
    the event is applied again. So the effect is one document write with the event's id in it, or does no harm twice.
    """

    def __init__(self, database: Database, repository: Repository, terms: Terms) -> None:
        self._inbox = database["inbox"]
        self._repository = repository
        self._terms = terms

    async def ensure_index(self) -> None:
        """Make the index that deletes old ids."""
        async with operation(self._terms):
            await self._inbox.create_index("applied_at", expireAfterSeconds=_KEPT)

    @asynccontextmanager
    async def once(self, event_id: str) -> AsyncIterator[Repository | None]:
        """The repository; None if the event is applied already. The id is kept unless the context raises."""
        async with operation(self._terms):
            applied = await self._inbox.find_one({"_id": event_id}, {"_id": 1})
        if applied is not None:
            yield None
            return
        yield self._repository
        async with operation(self._terms):
            try:
                await self._inbox.insert_one({"_id": event_id, "applied_at": datetime.now(UTC)})
            except DuplicateKeyError:
                return  # a second delivery was quicker
