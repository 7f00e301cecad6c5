"""Stores idempotency keys with their replies, in the transaction of the write."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Generic, TypeVar

import asyncpg

from providers.postgres.connections import Connection
from providers.postgres.database import Database
from providers.postgres.expiry import Expiry

# A second request waits here until the first one's transaction ends. An expired key counts as absent.
_CLAIM = """
    INSERT INTO idempotency_keys AS kept (scope, key, digest) VALUES ($1, $2, $3)
    ON CONFLICT (scope, key) DO UPDATE SET digest = excluded.digest, reply = NULL, created_at = excluded.created_at
        WHERE kept.created_at < now() - $4::interval
    RETURNING true
"""
_KEEP = "UPDATE idempotency_keys SET reply = $3 WHERE scope = $1 AND key = $2"
_FIND = "SELECT digest, reply FROM idempotency_keys WHERE scope = $1 AND key = $2"
_FIND_UNEXPIRED = f"{_FIND} AND created_at >= now() - $3::interval"

Repository = TypeVar("Repository")


class Keys(Generic[Repository]):
    """The table `idempotency_keys`. `repository` builds the service's repository on a connection. Keys last `kept`."""

    def __init__(self, database: Database, repository: Callable[[Connection], Repository], kept: timedelta) -> None:
        self._database = database
        self._repository = repository
        self._kept = kept
        self._expiry = Expiry(database, "idempotency_keys", "created_at", kept)

    async def find(self, scope: str, key: str) -> tuple[bytes, bytes] | None:
        """The digest and the reply stored under the key in its scope, or None."""
        row = await self._database.fetchrow(_FIND_UNEXPIRED, scope, key, self._kept)
        return (row["digest"], row["reply"].encode()) if row else None

    async def keep(
        self, scope: str, key: str, digest: bytes, work: Callable[[Repository], Awaitable[bytes]]
    ) -> tuple[bytes, bytes] | None:
        """The digest and the reply stored under the key in its scope.

        If there are none, `work` makes the reply (JSON); if it raises, the key is rolled back too. None if another
        transaction holds the key for longer than the database's lock_timeout.
        """
        await self._expiry.delete()
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
