"""Deletes rows that have expired, in small batches beside other work."""

import time
from datetime import timedelta
from typing import Final

from providers.postgres.database import Database

_EVERY: Final = 60.0
_BATCH: Final = 1000  # bounded, since a write waits for it


class Expiry:
    """Deletes the rows of a table whose `column` is longer ago than `kept`."""

    def __init__(self, database: Database, table: str, column: str, kept: timedelta) -> None:
        self._database = database
        self._kept = kept
        self._next_at = 0.0
        self._sql = f"""
            DELETE FROM {table} WHERE ctid = ANY(ARRAY(
                SELECT ctid FROM {table} WHERE {column} < now() - $1::interval
                ORDER BY {column} LIMIT $2 FOR UPDATE SKIP LOCKED
            ))
            RETURNING true
        """  # noqa: S608  # the names are our own

    async def delete(self) -> None:
        """Delete a batch. After the last batch, pause for a minute: expired rows do no harm but take space."""
        if time.monotonic() < self._next_at:
            return
        self._next_at = time.monotonic() + _EVERY
        deleted = await self._database.fetch(self._sql, self._kept, _BATCH)
        if len(deleted) == _BATCH:  # there may be more
            self._next_at = 0.0
