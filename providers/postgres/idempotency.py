"""Stores idempotency keys with their replies, in the transaction of the write."""

import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Generic, TypeVar

import asyncpg

from providers.postgres.connections import Connection
from providers.postgres.database import Database

_FORGET_EVERY = 60.0
_FORGOTTEN_AT_ONCE = 1000  # bounded, since a write waits for it

# A second request waits here until the first one's transaction ends. An expired key counts as absent.
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
    """The table `idempotency_keys`. `repository` builds the service's repository on a connection. Keys last `kept`."""

    def __init__(self, database: Database, repository: Callable[[Connection], Repository], kept: timedelta) -> None:
        self._database = database
        self._repository = repository
        self._kept = kept
        self._forget_at = 0.0

    async def keep(
        self, scope: str, key: str, digest: bytes, work: Callable[[Repository], Awaitable[bytes]]
    ) -> tuple[bytes, bytes] | None:
        """The digest and the reply stored under the key in its scope.

        If there are none, `work` makes the reply (JSON); if it raises, the key is rolled back too. None if another
        transaction holds the key for longer than the database's lock_timeout.
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
        """Delete a batch of expired keys. After the last batch, pause for a minute: they do no harm but take space."""
        if time.monotonic() < self._forget_at:
            return
        self._forget_at = time.monotonic() + _FORGET_EVERY
        forgotten = await self._database.fetch(_FORGET, self._kept, _FORGOTTEN_AT_ONCE)
        if len(forgotten) == _FORGOTTEN_AT_ONCE:  # there may be more
            self._forget_at = 0.0
