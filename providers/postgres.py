"""The one door to PostgreSQL: a pool whose every wait has an end, and whose troubles have one name."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, TypeAlias

import asyncpg
import stamina
import structlog
from asyncpg import Record
from asyncpg.pool import Pool, PoolConnectionProxy
from pydantic import AfterValidator, PostgresDsn, SecretStr, ValidationError

from providers.errors import DatabaseRefused, DatabaseTimedOut, DatabaseUnavailable

log = structlog.get_logger()

Connection: TypeAlias = "PoolConnectionProxy[Record]"

_CONNECT_TIMEOUT = 5.0
# Together shorter than an endpoint's five seconds, so that a caller hears why.
_ACQUIRE_TIMEOUT = 1.0
_COMMAND_TIMEOUT = 3.5  # ours, for a server that no longer answers; the server's own come first
_RELEASE_TIMEOUT = 0.25  # for the server to confirm that it gave a statement up; after that the connection goes
_CLOSE_TIMEOUT = 1.0
_PROBE_TIMEOUT = 1.0
_STATEMENT_TIMEOUT = 3000  # milliseconds, as PostgreSQL counts
_STEP = 250
_CLOCK_STEP = 0.01  # a timer may ring so much before the clock shows its time: uvloop counts milliseconds
_SESSION = {
    "statement_timeout": f"{_STATEMENT_TIMEOUT}ms",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "10s",
    "timezone": "UTC",
}

_AWAY = (
    OSError,  # TimeoutError is one
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shutting down, starting up, statement_timeout
    asyncpg.InsufficientResourcesError,  # too many connections, disk full
    asyncpg.InternalClientError,  # what asyncpg makes of a connection that breaks as it sends
)
_TROUBLE = (
    *_AWAY,
    asyncpg.LockNotAvailableError,
    asyncpg.TransactionRollbackError,  # a deadlock
    asyncpg.InvalidAuthorizationSpecificationError,  # credentials that were good at the start
)


def _well_formed(url: SecretStr) -> SecretStr:
    try:
        PostgresDsn(url.get_secret_value())
    except ValidationError:
        # Of our own words: pydantic's would show the URL, and with it the password.
        raise ValueError(
            "must be postgresql://user:password@host:port/database, with special characters percent-encoded"
        ) from None
    return url


PostgresUrl = Annotated[SecretStr, AfterValidator(_well_formed)]
"""postgresql://user:password@host:port/database: a secret, since the password is in it."""


class Statements(Protocol):
    """Where a repository's statements run: a database, or a connection within a transaction."""

    async def fetch(self, sql: str, /, *values: object) -> list[Record]:
        """All rows of one statement."""

    async def fetchrow(self, sql: str, /, *values: object) -> Record | None:
        """The first row of one statement, None where there is none."""


def _no_deadline() -> float | None:
    return None


@dataclass(frozen=True, slots=True)
class Terms:
    """What a database needs to know of the process that it serves, in the process's own terms."""

    unavailable: Callable[[str], Exception] = DatabaseUnavailable
    """Makes the exception for a database that cannot be reached or takes no more."""
    timed_out: Callable[[str], Exception] = DatabaseTimedOut
    """Makes the exception for what the deadline has ended."""
    remaining: Callable[[], float | None] = _no_deadline
    """Seconds until the deadline of what the current task works on, None where it has none."""


_ON_OUR_TERMS = Terms()


class Database:
    """A database that a process owns; statements run here and nowhere else, none beyond the deadline.

    After a change of the schema asyncpg prepares a cached statement anew by itself, outside of transactions.
    """

    def __init__(self, pool: "Pool[Record]", spare: "Pool[Record]", terms: Terms) -> None:
        self._pool = pool
        self._spare = spare
        self._terms = terms

    async def fetch(self, sql: str, *values: object) -> list[Record]:
        """All rows of one statement."""
        async with self._connection() as connection:
            return await connection.fetch(sql, *values)

    async def fetchrow(self, sql: str, *values: object) -> Record | None:
        """The first row of one statement, None where there is none."""
        async with self._connection() as connection:
            return await connection.fetchrow(sql, *values)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection within a transaction, committed at the end, rolled back by an exception."""
        async with self._connection() as connection:
            try:
                async with connection.transaction():
                    try:
                        yield connection
                    except (asyncio.CancelledError, TimeoutError):
                        connection.terminate()  # to roll back, it would wait for a server that may be frozen
                        raise
            except asyncpg.InterfaceError as error:
                # On a connection that broke, the transaction's end complains in place of what broke it.
                if isinstance(error.__context__, (*_TROUBLE, asyncio.CancelledError)):
                    raise error.__context__ from None
                raise

    async def probe(self) -> None:
        """Look for a sign of life, on a connection kept for that: a pool that is busy is no outage.

        Raises DatabaseUnavailable, within little more than a second.
        """
        try:
            async with asyncio.timeout(_PROBE_TIMEOUT), _taken_from(self._spare) as connection:
                await connection.execute("SELECT 1")
        except _TROUBLE as error:
            raise DatabaseUnavailable(f"the database does not answer: {_said(error)}") from error

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        left = self._terms.remaining()
        try:
            async with asyncio.timeout(left), _taken_from(self._pool) as connection:
                await connection.limit_statements(left)
                yield connection
        except _TROUBLE as error:
            if left is not None and (self._terms.remaining() or 0) <= _CLOCK_STEP:
                raise self._terms.timed_out("the deadline passed before the database had answered") from error
            log.warning("database_unavailable", error=str(error), type=type(error).__name__)
            raise self._terms.unavailable("the database does not answer") from error


@asynccontextmanager
async def open_database(
    url: SecretStr, *, name: str, size: int = 10, patience: float = 30.0, terms: Terms = _ON_OUR_TERMS
) -> AsyncIterator[Database]:
    """A pool of up to `size` connections, known to the server as `name`, and one more to probe the server with.

    A server that is starting is waited for. Raises DatabaseUnavailable when it cannot be reached within `patience`
    seconds, DatabaseRefused at once when it can be and refuses us.
    """
    async with _open_pool(url, name, size) as pool, _open_pool(url, f"{name} probe", 1) as spare:
        await _reach(pool, _place(url.get_secret_value()), patience)
        yield Database(pool, spare, terms)


@asynccontextmanager
async def _open_pool(url: SecretStr, name: str, size: int) -> AsyncIterator["Pool[Record]"]:
    pool = await asyncpg.create_pool(
        url.get_secret_value(),
        min_size=0,  # of any other number asyncpg logs a traceback whenever an outage keeps it below
        max_size=size,
        timeout=_CONNECT_TIMEOUT,
        command_timeout=_COMMAND_TIMEOUT,
        server_settings={**_SESSION, "application_name": name},
        connection_class=_Session,
        reset=_keep,
    )
    try:
        yield pool
    finally:
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await pool.close()
        except TimeoutError:
            pool.terminate()


@asynccontextmanager
async def _taken_from(pool: "Pool[Record]") -> AsyncIterator[Any]:
    """A connection of the pool; its release has an end too, where the server does not confirm a cancellation."""
    connection = await pool.acquire(timeout=_ACQUIRE_TIMEOUT)
    try:
        yield connection
    finally:
        with suppress(TimeoutError):
            await pool.release(connection, timeout=_RELEASE_TIMEOUT)


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


async def _reach(pool: "Pool[Record]", place: str, patience: float) -> None:
    attempts = stamina.retry_context(on=_AWAY, attempts=None, timeout=patience, wait_max=1.0, wait_jitter=0.1)
    try:
        async for attempt in attempts:
            with attempt:
                async with pool.acquire():
                    pass
    except _AWAY as error:
        raise DatabaseUnavailable(f"no connection to {place}: {_said(error)}") from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise DatabaseRefused(f"no connection to {place}: {_said(error)}") from error


async def _keep(_: object) -> None:
    """Leave a session as it is: who changes one here remembers it, and asyncpg's own reset doubles the round trips."""


def _place(url: str) -> str:
    """Database and host as a message may show them: without user and password."""
    dsn = PostgresDsn(url)
    hosts = ", ".join(f"{host['host']}:{host['port'] or 5432}" for host in dsn.hosts())
    return f"PostgreSQL database {(dsn.path or '/').removeprefix('/')} at {hosts}"


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__
