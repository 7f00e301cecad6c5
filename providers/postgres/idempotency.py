"""What PostgreSQL keeps of requests that may be repeated: their keys and replies, in the transaction of the write."""

import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Generic, TypeVar

import asyncpg

from providers.postgres.connections import Connection
from providers.postgres.database import Database

_FORGET_EVERY = 60.0
_FORGOTTEN_AT_ONCE = 1000  # a write waits for it

# A second request waits in here for the first one's transaction to end; an expired key is as good as none.
_CLAIM = """
    INSERT INTO idempotency_keys AS kept (scope, key, digest) VALUES ($1, $2, $3)
    ON CONFLICT (scope, key) DO UPDATE SET digest = excluded.digest, reply = NULL, created_at = excluded.created_at
        WHERE kept.created_at < now() - $4::interval
    RETURNING true
"""
_KEEP = "UPDATE idempotency_keys SET reply = $3 WHERE scope = $1 AND key = $2"
_FIND = "SELECT digest, reply FROM idempotency_keys WHERE scope = $1 AND key = $2"
_FORGET = """
    DELETE FROM idempotency_keys WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM idempotency_keys WHERE created_at < now() - $1::interval
        ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED
    ))
    RETURNING true
"""

Repository = TypeVar("Repository")


class Keys(Generic[Repository]):
    """The table `idempotency_keys`; `repository` makes the service's own on a connection. A key is good for `kept`."""

    def __init__(self, database: Database, repository: Callable[[Connection], Repository], kept: timedelta) -> None:
        self._database = database
        self._repository = repository
        self._kept = kept
        self._forget_at = 0.0

    async def keep(
        self, scope: str, key: str, digest: bytes, work: Callable[[Repository], Awaitable[bytes]]
    ) -> tuple[bytes, bytes] | None:
        """The digest and the reply that are kept under the key in its scope.

        Where there are none, `work` makes the reply (JSON), and is undone with the key if it raises. None where another
        transaction has the key for longer than the database's lock_timeout.
        """
        await self._forget_expired()
        async with self._database.transaction() as connection:
            try:
                claimed = await connection.fetchval(_CLAIM, scope, key, digest, self._kept)
            except asyncpg.LockNotAvailableError:
                return None
            if claimed:
                reply = await work(self._repository(connection))
                await connection.execute(_KEEP, scope, key, reply.decode())
                return digest, reply
            row = await connection.fetchrow(_FIND, scope, key)
            return (row["digest"], row["reply"].encode()) if row else None

    async def _forget_expired(self) -> None:
        """Delete what has expired, so many at once; after the last, not for a minute: they do no harm but take room."""
        if time.monotonic() < self._forget_at:
            return
        self._forget_at = time.monotonic() + _FORGET_EVERY
        forgotten = await self._database.fetch(_FORGET, self._kept, _FORGOTTEN_AT_ONCE)
        if len(forgotten) == _FORGOTTEN_AT_ONCE:  # there may be more
            self._forget_at = 0.0
