"""The table `inbox`: the id of each event that a service has applied, in the transaction of the effect."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from types import MappingProxyType
from typing import Final, Generic, TypeVar
from uuid import UUID

from providers.postgres.connections import Connection
from providers.postgres.database import INSERTED, Database
from providers.postgres.expiry import Expiry

KEPT: Final = timedelta(days=30)
"""How long an id is kept: as long as the stream keeps the event."""
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})

# A second delivery waits in here for the first one's transaction to end.
_APPLY = "INSERT INTO inbox (event_id) VALUES ('{}') ON CONFLICT DO NOTHING"

Repository = TypeVar("Repository")


class PostgresInbox(Generic[Repository]):
    """The inbox of the service that owns the database; `repository` makes the service's own on a connection."""

    def __init__(
        self,
        database: Database,
        repository: Callable[[Connection], Repository],
        kept: timedelta = KEPT,
        expiring: Mapping[str, str] = NOTHING,
    ) -> None:
        """`expiring` names more tables whose rows are deleted after `kept`, each with the column of their time."""
        self._database = database
        self._repository = repository
        self._expiries = [
            Expiry(database, table, column, kept) for table, column in {"inbox": "applied_at", **expiring}.items()
        ]

    @asynccontextmanager
    async def once(self, event_id: str) -> AsyncIterator[Repository | None]:
        """A repository within a transaction that has the event's id; None if the event is applied already."""
        for expiry in self._expiries:
            await expiry.delete()
        async with self._database.transaction_after(_APPLY.format(UUID(event_id))) as (connection, tag):
            yield self._repository(connection) if tag == INSERTED else None
