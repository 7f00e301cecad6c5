"""The table `outbox`: events written in the transaction of a change, and claimed by relays."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final, NamedTuple
from uuid import UUID

from asyncpg import Record
from asyncpg.pool import PoolConnectionProxy

from providers.postgres.connections import drop, refuse_lost
from providers.postgres.database import Database, Statements

_LOCKS: Final = 0x6F_75_74_62  # with the aggregate's hash; any number, as no other lock here has two numbers
_WINDOW: Final = 10
"""A claim looks at so many times the entries that it may take: others may have claimed the oldest."""
_SILENCE: Final = 10.0
"""Seconds; longer than a relay sends the entries of a claim."""

# Sent as text with the commit. Every value is a UUID or hexadecimal, so nothing in it can end the literal.
_WRITE: Final = """
    INSERT INTO outbox (event_id, subject, aggregate, headers, body)
    VALUES ('{}', {}, {}, {}, decode('{}', 'hex'));
"""
_TEXT: Final = "convert_from(decode('{}', 'hex'), 'UTF8')"
_PEEK: Final = "SELECT FROM outbox LIMIT 1"
# An aggregate is claimed by a lock of the session, so its entries have one relay at a time, and no transaction is open
# while they are sent. A session that is silent for too long ends: a frozen relay keeps nothing from the others. The
# snapshot may be older than the lock; FOR UPDATE passes over rows that another relay has deleted since. MATERIALIZED
# keeps the planner from taking more locks than LIMIT says.
_CLAIM: Final = """
    WITH oldest AS MATERIALIZED (
        SELECT position, hashtext(aggregate) AS hash FROM outbox ORDER BY position LIMIT $2
    ), hashes AS MATERIALIZED (
        SELECT hash FROM oldest GROUP BY hash ORDER BY min(position)
    ), claimed AS MATERIALIZED (
        SELECT hash FROM hashes
        WHERE (SELECT set_config('idle_session_timeout', $4, false) || set_config('synchronous_commit', 'off', true))
            IS NOT NULL AND pg_try_advisory_lock($3, hash) LIMIT $1
    )
    SELECT position, event_id, subject, aggregate, headers, body FROM outbox
    JOIN oldest USING (position) JOIN claimed USING (hash)
    ORDER BY position LIMIT $1 FOR UPDATE OF outbox
"""
# The commit does not wait for the disk: after a crash the stream or the inbox knows an event that is sent again. The
# count makes the locks end after the rows.
_END: Final = """
    WITH removed AS (DELETE FROM outbox WHERE position = ANY($1) RETURNING true)
    SELECT set_config('synchronous_commit', 'off', true), set_config('idle_session_timeout', '0', false),
        pg_advisory_unlock_all(), EXISTS (SELECT FROM outbox WHERE position <> ALL($1)) AS more
    FROM (SELECT count(*) FROM removed) AS done
"""
_BACKLOG: Final = """
    SELECT (SELECT count(*) FROM (SELECT FROM outbox LIMIT 10000) AS counted) AS entries,
           (SELECT greatest(0, extract(epoch FROM clock_timestamp() - written_at))::float
            FROM outbox ORDER BY position LIMIT 1) AS age
"""


class Entry(NamedTuple):
    """One event that waits for the stream."""

    id: str
    subject: str
    aggregate: str
    headers: dict[str, str]
    body: bytes


def write(transaction: Statements, entry: Entry) -> None:
    """Add an event to the transaction. It is written with the commit, which wakes the relays of this process.

    Raises RuntimeError outside of a transaction: the event could be sent although the change is not made.
    """
    if not isinstance(transaction, PoolConnectionProxy) or not transaction.is_in_transaction():
        raise RuntimeError(f"{entry.subject} must be published in the transaction of the change that it tells of")
    texts = (entry.subject, entry.aggregate, json.dumps(entry.headers))
    statement = _WRITE.format(UUID(entry.id), *(_TEXT.format(one.encode().hex()) for one in texts), entry.body.hex())
    transaction.write_with_commit(statement)  # type: ignore[attr-defined]  # our own kind of connection's


class ClaimedEntries:
    """Entries that one relay has claimed, until the end of the claim."""

    def __init__(self, rows: Sequence[Record] = ()) -> None:
        self.entries = [
            Entry(str(row["event_id"]), row["subject"], row["aggregate"], json.loads(row["headers"]), row["body"])
            for row in rows
        ]
        self.removed: list[int] = []
        """The positions of the entries that leave the table at the end."""
        self._positions = {entry.id: row["position"] for entry, row in zip(self.entries, rows, strict=True)}

    async def remove(self, ids: Collection[str]) -> None:
        """Remove the entries with these ids, at the end of the claim."""
        self.removed += [self._positions[one] for one in ids]


class PostgresOutbox:
    """The outbox of the service that owns the database."""

    def __init__(self, database: Database, silence: float = _SILENCE) -> None:
        """`silence`: seconds after which the server ends the claim of a relay that is frozen."""
        self._database = database
        self._silence = f"{silence * 1000:.0f}ms"
        self._woken = False
        """Whether a commit of this process has written an entry since the last claim."""

    @asynccontextmanager
    async def claim(self, most: int) -> AsyncIterator[ClaimedEntries]:
        """Claim up to `most` entries until the context ends; entries of one aggregate have one claim at a time."""
        woken, self._woken = self._woken, False
        if not woken and not await self._database.fetch(_PEEK):  # one round trip instead of two
            yield ClaimedEntries()
            return
        async with self._database.connection() as connection:
            try:
                claimed = ClaimedEntries(await connection.fetch(_CLAIM, most, most * _WINDOW, _LOCKS, self._silence))
                yield claimed
                refuse_lost(connection)
                row = await connection.fetchrow(_END, claimed.removed)
            except BaseException:
                drop(connection)  # the server ends the locks with the session
                raise
        if claimed.removed and row and row["more"]:
            self._database.outbox_written.set()  # another relay may have found an aggregate of this claim locked

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
