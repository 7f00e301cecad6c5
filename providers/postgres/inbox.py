"""The table `inbox`: the id of each event that a service has applied, in the transaction of the effect."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final, Generic, TypeVar
from uuid import UUID

from providers.postgres.connections import Connection
from providers.postgres.database import Database

KEPT: Final = timedelta(days=30)
"""How long an id is kept: as long as the stream keeps the event."""
_FORGET_EVERY = 60.0
_FORGOTTEN_AT_ONCE = 1000  # an event waits for it

# A second delivery waits in here for the first one's transaction to end.
_APPLY = "INSERT INTO inbox (event_id) VALUES ($1) ON CONFLICT DO NOTHING RETURNING true"
_FORGET = """
    DELETE FROM inbox WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM inbox WHERE applied_at < now() - $1::interval
        ORDER BY applied_at LIMIT $2 FOR UPDATE SKIP LOCKED
    ))
    RETURNING true
"""

Repository = TypeVar("Repository")


class PostgresInbox(Generic[Repository]):
    """The inbox of the service that owns the database; `repository` makes the service's own on a connection."""

    def __init__(
        self, database: Database, repository: Callable[[Connection], Repository], kept: timedelta = KEPT
    ) -> None:
        self._database = database
        self._repository = repository
        self._kept = kept
        self._forget_at = 0.0

    @asynccontextmanager
    async def once(self, event_id: str) -> AsyncIterator[Repository | None]:
        """A repository within a transaction that has the event's id; None if the event is applied already."""
        await self._forget_old()
        async with self._database.transaction() as connection:
            applied = await connection.fetchval(_APPLY, UUID(event_id))
            yield self._repository(connection) if applied else None

    async def _forget_old(self) -> None:
        """Delete what is too old, so many at once; after the last, not for a minute: they do no harm but take room."""
        if time.monotonic() < self._forget_at:
            return
        self._forget_at = time.monotonic() + _FORGET_EVERY
        forgotten = await self._database.fetch(_FORGET, self._kept, _FORGOTTEN_AT_ONCE)
        if len(forgotten) == _FORGOTTEN_AT_ONCE:  # there may be more
            self._forget_at = 0.0
