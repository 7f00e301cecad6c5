"""The one door to PostgreSQL: a pool whose every wait has an end, and whose troubles have one name."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Protocol, TypeAlias

import asyncpg
import stamina
import structlog
from asyncpg import Record
from asyncpg.pool import Pool, PoolConnectionProxy
from pydantic import AfterValidator, PostgresDsn, SecretStr, ValidationError

from providers.errors import DatabaseRefused, DatabaseUnavailable

log = structlog.get_logger()

Connection: TypeAlias = "PoolConnectionProxy[Record]"

_CONNECT_TIMEOUT = 5.0
# Together shorter than an endpoint's five seconds, so that a caller hears why.
_ACQUIRE_TIMEOUT = 1.0
_COMMAND_TIMEOUT = 3.5  # ours, for a server that no longer answers; the server's own come first
_CLOSE_TIMEOUT = 5.0
_SESSION = {
    "statement_timeout": "3s",
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


class Database:
    """A database that a process owns; statements run here and nowhere else.

    `unavailable` makes the exception for a database that cannot be reached or takes no more, so that a service hears
    it in its own terms. After a change of the schema asyncpg prepares a cached statement anew by itself, outside of
    transactions.
    """

    def __init__(self, pool: "Pool[Record]", unavailable: Callable[[str], Exception] = DatabaseUnavailable) -> None:
        self._pool = pool
        self._unavailable = unavailable

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
                    yield connection
            except asyncpg.InterfaceError as error:
                # On a connection that broke, the transaction's end complains in place of what broke it.
                if isinstance(error.__context__, _TROUBLE):
                    raise error.__context__ from None
                raise

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        try:
            async with self._pool.acquire(timeout=_ACQUIRE_TIMEOUT) as connection:
                yield connection
        except _TROUBLE as error:
            log.warning("database_unavailable", error=str(error), type=type(error).__name__)
            raise self._unavailable("the database does not answer") from error


@asynccontextmanager
async def open_database(
    url: SecretStr,
    *,
    name: str,
    size: int = 10,
    patience: float = 30.0,
    unavailable: Callable[[str], Exception] = DatabaseUnavailable,
) -> AsyncIterator[Database]:
    """A pool of up to `size` connections, known to the server as `name`; a server that is starting is waited for.

    Raises DatabaseUnavailable when it cannot be reached within `patience` seconds, DatabaseRefused at once when it can
    be and refuses us.
    """
    pool = await asyncpg.create_pool(
        url.get_secret_value(),
        min_size=0,  # of any other number asyncpg logs a traceback whenever an outage keeps it below
        max_size=size,
        timeout=_CONNECT_TIMEOUT,
        command_timeout=_COMMAND_TIMEOUT,
        server_settings={**_SESSION, "application_name": name},
        reset=_keep,
    )
    try:
        await _reach(pool, _place(url.get_secret_value()), patience)
        yield Database(pool, unavailable)
    finally:
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await pool.close()
        except TimeoutError:
            pool.terminate()


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
    """Leave a session as it is: nothing here changes one, and asyncpg's own reset doubles the round trips."""


def _place(url: str) -> str:
    """Database and host as a message may show them: without user and password."""
    dsn = PostgresDsn(url)
    hosts = ", ".join(f"{host['host']}:{host['port'] or 5432}" for host in dsn.hosts())
    return f"PostgreSQL database {(dsn.path or '/').removeprefix('/')} at {hosts}"


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__
