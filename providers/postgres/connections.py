"""Connections to PostgreSQL: bounded in number, kept open, and lent to statements."""

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
# Together below an endpoint's five seconds, so that the caller learns the reason.
ACQUIRE_TIMEOUT = 1.0
COMMAND_TIMEOUT = 3.5  # for a server that does not answer; its own limits are shorter
_RELEASE_TIMEOUT = 0.25  # for the server to confirm a cancellation; then the connection is dropped
_CLOSE_TIMEOUT = 1.0
_STATEMENT_TIMEOUT = 3000  # milliseconds
_STEP = 250
SESSION: Final = {
    "statement_timeout": f"{_STATEMENT_TIMEOUT}ms",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "10s",
    "timezone": "UTC",
}


class _Session(asyncpg.Connection):
    """A connection that remembers its `statement_timeout`, since a change costs a round trip.

    The limit is rounded up to coarse steps: up, so that no statement ends before its deadline; coarse, so that it
    seldom changes. At the deadline we cancel the statement. The server's limit is for a cancellation that does not
    reach it.
    """

    _limit = _STATEMENT_TIMEOUT
    _events: tuple[str, ...] = ()

    async def begin(self, first: str) -> str:
        """Begin a transaction with a statement, in one round trip. Returns the command tag of the statement."""
        self._events = ()  # of a transaction that was rolled back
        return str(await self.execute(f"BEGIN;{first}"))

    def write_with_commit(self, event: str) -> None:
        """Run the statement that writes an event together with the commit: it saves a round trip."""
        self._events += (event,)

    async def commit(self) -> bool:
        """Write the events and commit. Returns whether there are events."""
        events, self._events = self._events, ()
        await self.execute("".join((*events, "COMMIT")))
        return bool(events)

    async def limit_statements(self, seconds: float | None) -> None:
        """Have the server end each statement after `seconds`, or after its usual limit if that is shorter."""
        limit = _STATEMENT_TIMEOUT
        if seconds is not None:
            limit = min(limit, max(1, math.ceil(seconds * 1000 / _STEP)) * _STEP)
        if limit != self._limit:
            self._limit = -1  # unknown if the next line fails
            await self.execute(f"SET statement_timeout = {limit}")
            self._limit = limit


class Connections:
    """Up to `size` connections, each with its prepared statements, lent one by one.

    They stay outside of asyncpg's pool between uses: acquiring and releasing one costs twice as much as a statement by
    key. The pool opens them, and takes back those whose last use raised.
    """

    def __init__(self, pool: "Pool[Record]", size: int) -> None:
        self._pool = pool
        self._free = asyncio.Semaphore(size)
        self.size = size
        self.used = 0
        """Connections that are lent now."""
        self.waiting = 0
        """Statements that wait for a connection."""
        self._served = 0
        self._idle: list[Connection] = []

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[Any]:
        """Lend a connection. Raises TimeoutError if none is free, and none has been of use, within a second."""
        if self._free.locked():  # only then: a timeout costs three times as much as acquiring
            self.waiting += 1
            try:
                await self._turn()
            finally:
                self.waiting -= 1
        else:
            await self._free.acquire()
        self.used += 1
        try:
            connection = await self._open()
            try:
                yield connection
            except BaseException:
                await self._give_back(connection)
                raise
            self._served += 1
            self._idle.append(connection)
        finally:
            self.used -= 1
            self._free.release()

    async def _turn(self) -> None:
        """Wait until a connection is free. While others are served, the database is busy, and not away."""
        served = self._served
        while True:
            try:
                async with asyncio.timeout(ACQUIRE_TIMEOUT):
                    await self._free.acquire()
            except TimeoutError:
                if served == self._served:
                    raise
                served = self._served
            else:
                return

    @property
    def idle(self) -> int:
        """Connections that are open and not lent."""
        return len(self._idle)

    async def _open(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if not lost(connection):
                return connection
        opened: Connection = await self._pool.acquire(timeout=ACQUIRE_TIMEOUT)
        return opened

    async def _give_back(self, connection: Connection) -> None:
        """Return it to the pool, within a bound: the server may not confirm a cancellation."""
        with suppress(TimeoutError):
            await self._pool.release(connection, timeout=_RELEASE_TIMEOUT)

    async def close(self) -> None:
        """Close all connections, within a second."""
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await asyncio.gather(*map(self._give_back, self._idle))
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()


@asynccontextmanager
async def open_connections(url: SecretStr, name: str, size: int) -> AsyncIterator[Connections]:
    """Up to `size` connections, opened on demand. The server knows them as `name`."""
    pool = await asyncpg.create_pool(
        url.get_secret_value(),
        min_size=0,  # with more, asyncpg logs tracebacks while an outage keeps it below
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


def lost(connection: Connection) -> bool:
    """Whether the connection has ended."""
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:  # the pool took it back when it failed
        return True


def drop(connection: Connection) -> None:
    """End the connection without a word to the server, which may be frozen."""
    if not lost(connection):
        connection.terminate()


def refuse_lost(connection: Connection) -> None:
    """Raise ConnectionResetError if the connection has ended; asyncpg's own error does not count as an outage."""
    if lost(connection):
        raise ConnectionResetError("the connection was lost between two statements")


async def commit(connection: Connection) -> bool:
    """Write the transaction's events and commit. Returns whether there are events. Raises ConnectionResetError."""
    refuse_lost(connection)
    return bool(await connection.commit())  # type: ignore[attr-defined]  # our own kind of connection's


async def roll_back(connection: Connection) -> None:
    """End the transaction if there is one. If that fails, end the connection: then the server rolls back."""
    try:
        if not lost(connection) and connection.is_in_transaction():
            await connection.execute("ROLLBACK")
    except BaseException as error:
        drop(connection)
        if not isinstance(error, Exception):
            raise


async def _keep(_: object) -> None:
    """Keep the session's settings: we track our changes, and asyncpg's reset would double the round trips."""
