"""Connections to PostgreSQL, limited in number and kept open: what a statement runs on."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeAlias

import asyncpg
from asyncpg import Record
from asyncpg.pool import Pool, PoolConnectionProxy
from pydantic import SecretStr

from providers.postgres.url import connect_arguments

Connection: TypeAlias = "PoolConnectionProxy[Record]"

_CONNECT_TIMEOUT = 5.0
# Together shorter than an endpoint's five seconds, so that a caller hears why.
ACQUIRE_TIMEOUT = 1.0
COMMAND_TIMEOUT = 3.5  # ours, for a server that no longer answers; the server's own come first
_RELEASE_TIMEOUT = 0.25  # for the server to confirm that it gave a statement up; after that the connection goes
_CLOSE_TIMEOUT = 1.0
_STATEMENT_TIMEOUT = 3000  # milliseconds, as PostgreSQL counts
_STEP = 250
SESSION: Final = {
    "statement_timeout": f"{_STATEMENT_TIMEOUT}ms",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "10s",
    "timezone": "UTC",
}


class _Session(asyncpg.Connection):
    """A connection that remembers its `statement_timeout`: only to change it costs a round trip.

    It goes in coarse steps, so that it seldom changes, and up, so that no statement ends before its deadline. On the
    deadline itself we cancel the statement; the server's limit is for when that does not reach it.
    """

    _limit = _STATEMENT_TIMEOUT

    async def limit_statements(self, seconds: float | None) -> None:
        """Have the server end each statement after so many seconds; after its usual limit where that comes first."""
        limit = _STATEMENT_TIMEOUT
        if seconds is not None:
            limit = min(limit, max(1, math.ceil(seconds * 1000 / _STEP)) * _STEP)
        if limit != self._limit:
            self._limit = -1  # unknown, should the next line not come to its end
            await self.execute(f"SET statement_timeout = {limit}")
            self._limit = limit


class Connections:
    """Up to `size` connections, each with its prepared statements, handed out one by one.

    They are kept out of asyncpg's pool between uses: to take one from there and give it back costs twice what a
    statement by key does. The pool opens them, and takes back those whose last use ended in an exception.
    """

    def __init__(self, pool: "Pool[Record]", size: int) -> None:
        self._pool = pool
        self._free = asyncio.Semaphore(size)
        self._idle: list[Connection] = []

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[Any]:
        """One connection. Raises TimeoutError when none is free within a second."""
        if self._free.locked():  # only then: a timeout costs three times what it takes to acquire
            async with asyncio.timeout(ACQUIRE_TIMEOUT):
                await self._free.acquire()
        else:
            await self._free.acquire()
        try:
            connection = await self._open()
            try:
                yield connection
            except BaseException:
                await self._give_back(connection)
                raise
            self._idle.append(connection)
        finally:
            self._free.release()

    async def _open(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if not _lost(connection):
                return connection
        opened: Connection = await self._pool.acquire(timeout=ACQUIRE_TIMEOUT)
        return opened

    async def _give_back(self, connection: Connection) -> None:
        """To the pool; that has an end too, where the server does not confirm a cancellation."""
        with suppress(TimeoutError):
            await self._pool.release(connection, timeout=_RELEASE_TIMEOUT)

    async def close(self) -> None:
        """Close them all, in a second at most."""
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await asyncio.gather(*map(self._give_back, self._idle))
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()


@asynccontextmanager
async def open_connections(url: SecretStr, name: str, size: int) -> AsyncIterator[Connections]:
    """Up to `size` connections, opened as they are needed, known to the server as `name`."""
    pool = await asyncpg.create_pool(
        url.get_secret_value(),
        min_size=0,  # of any other number asyncpg logs a traceback whenever an outage keeps it below
        max_size=size,
        timeout=_CONNECT_TIMEOUT,
        command_timeout=COMMAND_TIMEOUT,
        server_settings={**SESSION, "application_name": name},
        connection_class=_Session,
        reset=_keep,
        **connect_arguments(url.get_secret_value()),
    )
    connections = Connections(pool, size)
    try:
        yield connections
    finally:
        await connections.close()


def _lost(connection: Connection) -> bool:
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:  # the pool took it back when it broke
        return True


async def _keep(_: object) -> None:
    """Leave a session as it is: who changes one here remembers it, and asyncpg's own reset doubles the round trips."""
