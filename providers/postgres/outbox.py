"""The table `outbox`: events written in the transaction of a change, and claimed by relays."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final, NamedTuple
from uuid import UUID

from asyncpg.pool import PoolConnectionProxy

from providers.postgres.connections import Connection
from providers.postgres.database import Database, Statements

_LOCKS: Final = 0x6F_75_74_62  # with the aggregate's hash; any number, as no other lock here has two numbers
_WINDOW: Final = 10
"""A claim looks at so many times the entries that it may take: others may have claimed the oldest."""

_WRITE: Final = "INSERT INTO outbox (event_id, subject, aggregate, headers, body) VALUES ($1, $2, $3, $4, $5)"
_PEEK: Final = "SELECT FROM outbox LIMIT 1"
# An aggregate is claimed by a lock that ends with the transaction, so its entries have one relay at a time. The
# snapshot may be older than the lock; FOR UPDATE passes over rows that another relay has deleted since. MATERIALIZED
# keeps the planner from taking more locks than LIMIT says.
_CLAIM: Final = """
    WITH oldest AS MATERIALIZED (
        SELECT position, hashtext(aggregate) AS hash FROM outbox ORDER BY position LIMIT $2
    ), hashes AS MATERIALIZED (
        SELECT hash FROM oldest GROUP BY hash ORDER BY min(position)
    ), claimed AS MATERIALIZED (
        SELECT hash FROM hashes WHERE pg_try_advisory_xact_lock($3, hash) LIMIT $1
    )
    SELECT position, event_id, subject, aggregate, headers, body FROM outbox
    JOIN oldest USING (position) JOIN claimed USING (hash)
    ORDER BY position LIMIT $1 FOR UPDATE OF outbox
"""
_BACKLOG: Final = """
    SELECT (SELECT count(*) FROM (SELECT FROM outbox LIMIT 10000) AS counted) AS entries,
           (SELECT greatest(0, extract(epoch FROM clock_timestamp() - written_at))::float
            FROM outbox ORDER BY position LIMIT 1) AS age
"""
# The commit does not wait for the disk: after a crash the stream or the inbox knows an event that is sent again.
_REMOVE: Final = """
    WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
    DELETE FROM outbox USING quick WHERE position = ANY($1)
"""


class Entry(NamedTuple):
    """One event that waits for the stream."""

    id: str
    subject: str
    aggregate: str
    headers: dict[str, str]
    body: bytes


async def write(transaction: Statements, entry: Entry) -> None:
    """Add an event to the transaction. Its commit wakes the relays of this process.

    Raises RuntimeError outside of a transaction: the event could be sent although the change is not made.
    """
    if not isinstance(transaction, PoolConnectionProxy) or not transaction.is_in_transaction():
        raise RuntimeError(f"{entry.subject} must be published in the transaction of the change that it tells of")
    headers = json.dumps(entry.headers)
    await transaction.execute(_WRITE, UUID(entry.id), entry.subject, entry.aggregate, headers, entry.body)
    transaction.wrote_outbox()  # type: ignore[attr-defined]  # the proxy passes it on to our own kind of connection


class ClaimedEntries:
    """Entries that one relay has claimed, until the end of its transaction."""

    def __init__(self, entries: Sequence[Entry], positions: Mapping[str, int], connection: "Connection | None") -> None:
        self.entries = entries
        self._positions = positions
        self._connection = connection

    async def remove(self, ids: Collection[str]) -> None:
        """Remove the entries with these ids."""
        if self._connection is not None:
            await self._connection.execute(_REMOVE, [self._positions[one] for one in ids])


_NOTHING: Final = ClaimedEntries((), {}, None)


class PostgresOutbox:
    """The outbox of the service that owns the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._woken = False
        """Whether a commit of this process has written an entry since the last claim."""

    @asynccontextmanager
    async def claim(self, most: int) -> AsyncIterator[ClaimedEntries]:
        """Claim up to `most` entries until the context ends; entries of one aggregate have one claim at a time."""
        woken, self._woken = self._woken, False
        if not woken and not await self._database.fetch(_PEEK):  # one round trip instead of three
            yield _NOTHING
            return
        async with self._database.transaction() as connection:
            rows = await connection.fetch(_CLAIM, most, most * _WINDOW, _LOCKS)
            entries = [
                Entry(str(row["event_id"]), row["subject"], row["aggregate"], json.loads(row["headers"]), row["body"])
                for row in rows
            ]
            yield ClaimedEntries(entries, {str(row["event_id"]): row["position"] for row in rows}, connection)

    async def backlog(self) -> tuple[int, float]:
        """How many entries wait, and for how many seconds the oldest one does. Counts 10,000 at most."""
        row = await self._database.fetchrow(_BACKLOG)
        return (row["entries"], row["age"] or 0.0) if row else (0, 0.0)

    async def wait(self, timeout: float) -> None:
        """Return after a commit of this process that wrote an entry, or after `timeout` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._database.outbox_written.wait()
        self._woken = self._database.outbox_written.is_set()
        self._database.outbox_written.clear()
