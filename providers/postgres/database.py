"""Opens PostgreSQL: a pool whose every wait is bounded, and whose errors have a common type."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Final, Protocol

import asyncpg
import stamina
from asyncpg import Record
from asyncpg.pool import PoolConnectionProxy
from pydantic import AfterValidator, PostgresDsn, SecretStr

from providers.errors import Blame, DatabaseRefused, DatabaseUnavailable
from providers.postgres.connections import Connection, Connections, commit, drop, open_connections, roll_back
from providers.postgres.sqlstates import READ_ONLY, blame, spoils
from providers.postgres.statement_spans import recorded
from providers.postgres.url import SSL_MODES, connect_arguments
from providers.terms import Terms

INSERTED: Final = "INSERT 0 1"
"""The command tag of an INSERT of one row that was not there."""
_PROBE_TIMEOUT = 1.0
_CLOCK_STEP = 0.01  # a timer may fire this much early: uvloop counts milliseconds
_AWAY = (
    OSError,  # includes TimeoutError
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shutting down, starting up, statement_timeout
    asyncpg.InsufficientResourcesError,  # too many connections, disk full
    asyncpg.InternalClientError,  # asyncpg raises it if a connection breaks while it sends
)
_ERRORS = (OSError, asyncpg.PostgresError, asyncpg.InternalClientError)


def _well_formed(url: SecretStr) -> SecretStr:
    try:
        connect_arguments(url.get_secret_value())
    except OSError as error:  # includes ssl.SSLError
        raise ValueError(f"sslrootcert, sslcert, sslkey, sslcrl: {error.strerror or 'not a certificate'}") from None
    except ValueError:
        # Our own text: others would show the URL and its password.
        raise ValueError(
            "must be postgresql://host:port/database, with user and password before the host, percent-encoded, "
            f"and optional parameters such as ?sslmode={SSL_MODES}"
        ) from None
    return url


PostgresUrl = Annotated[SecretStr, AfterValidator(_well_formed)]
"""postgresql://user:password@host:port/database; secret, since it contains the password. No other source counts."""


class Statements(Protocol):
    """Runs a repository's statements: a database, or a connection within a transaction."""

    async def fetch(self, sql: str, /, *values: object) -> list[Record]:
        """All rows of a statement."""

    async def fetchrow(self, sql: str, /, *values: object) -> Record | None:
        """The first row of a statement, or None."""


_ON_OUR_TERMS = Terms()


class Database:
    """The database of a process. Every statement of the process runs here, bounded by the deadline.

    After a schema change, asyncpg prepares cached statements anew by itself, except within transactions.
    """

    def __init__(self, connections: Connections, spare: Connections, terms: Terms) -> None:
        self.connections = connections
        self._spare = spare
        self._terms = terms
        self.outbox_written = asyncio.Event()
        """Set when a transaction that wrote an event has committed."""

    async def fetch(self, sql: str, *values: object) -> list[Record]:
        """All rows of a statement."""
        async with self.connection() as connection:
            return await connection.fetch(sql, *values)

    async def fetchrow(self, sql: str, *values: object) -> Record | None:
        """The first row of a statement, or None."""
        async with self.connection() as connection:
            return await connection.fetchrow(sql, *values)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection within a transaction: committed at the end, rolled back on an exception."""
        async with self.transaction_after("") as (connection, _):
            yield connection

    @asynccontextmanager
    async def transaction_after(self, first: str) -> AsyncIterator[tuple[Connection, str]]:
        """A transaction whose statement `first` takes no round trip of its own. Yields its command tag too.

        Begin and commit are sent as text: asyncpg's own transaction takes a round trip for each of them alone.
        """
        async with self.connection() as connection:
            try:
                tag = await connection.begin(first)  # type: ignore[attr-defined]  # our own kind of connection's
                yield connection, tag
                wrote = await commit(connection)
            except (asyncio.CancelledError, TimeoutError):
                drop(connection)  # a rollback would wait for a server that may be frozen
                raise
            except BaseException:
                await roll_back(connection)
                raise
        if wrote:
            self.outbox_written.set()

    async def probe(self) -> str | None:
        """Check that the server is alive, on a spare connection: a busy pool is not an outage.

        Returns what a living database cannot do, or None. Raises DatabaseUnavailable within little more than a second.
        """
        try:
            async with asyncio.timeout(_PROBE_TIMEOUT), self._spare.taken() as connection:
                if await connection.fetchval("SELECT current_setting('transaction_read_only')") == "off":
                    return None
                connection.terminate()  # the next one may reach the primary, and has current defaults
                return "the database is read-only"
        except _ERRORS as error:
            raise DatabaseUnavailable(f"the database does not answer: {_said(error)}") from error

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection for several statements without a transaction. Whoever changes its session undoes it."""
        left, span = self._terms.remaining(), self._terms.span()
        try:
            async with asyncio.timeout(left), self.connections.taken() as connection:
                try:
                    await connection.limit_statements(left)
                    if span is None:
                        yield connection
                    else:
                        with recorded(connection, span):
                            yield connection
                except asyncpg.PostgresError as error:
                    if spoils(error):
                        connection.terminate()
                    raise
        except _ERRORS as error:
            if blame(error) is not Blame.DATABASE:
                raise
            sqlstate = getattr(error, "sqlstate", None)
            raise self._terms.outage(
                error,
                str(error),
                margin=_CLOCK_STEP,
                is_answer=isinstance(error, asyncpg.PostgresError) and not isinstance(error, _AWAY),
                is_read_only=sqlstate == READ_ONLY,
                sqlstate=sqlstate,
            ) from error


@asynccontextmanager
async def transaction_on(statements: Statements) -> AsyncIterator[Statements]:
    """A transaction: the one that the statements already run in, or one of its own, committed at the end."""
    async with transaction_on_after(statements, "") as (connection, _):
        yield connection


@asynccontextmanager
async def transaction_on_after(statements: Statements, first: str) -> AsyncIterator[tuple[Statements, str]]:
    """The same after a statement, which takes no round trip of its own in a new transaction. Yields its command tag."""
    if isinstance(statements, Database):
        async with statements.transaction_after(first) as (connection, tag):
            yield connection, tag
    elif isinstance(statements, PoolConnectionProxy):
        yield statements, await statements.execute(first) if first else ""
    else:
        raise TypeError(f"{type(statements).__name__} has no transactions")


@asynccontextmanager
async def open_database(
    url: SecretStr, *, name: str, size: int = 10, connect_timeout: float = 30.0, terms: Terms = _ON_OUR_TERMS
) -> AsyncIterator[Database]:
    """A pool of up to `size` connections, plus one for probes. The server knows them as `name`.

    Waits for a server that is starting. Raises DatabaseUnavailable if it is not reachable within `connect_timeout`
    seconds, and DatabaseRefused at once if it rejects us.
    """
    async with open_connections(url, name, size) as connections, open_connections(url, f"{name} probe", 1) as spare:
        await _reach(connections, _place(url.get_secret_value()), connect_timeout)
        yield Database(connections, spare, terms)


async def _reach(connections: Connections, place: str, connect_timeout: float) -> None:
    attempts = stamina.retry_context(on=_AWAY, attempts=None, timeout=connect_timeout, wait_max=1.0, wait_jitter=0.1)
    try:
        async for attempt in attempts:
            with attempt:
                async with connections.taken():
                    pass
    except _AWAY as error:
        raise DatabaseUnavailable(f"no connection to {place}: {_said(error)}") from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise DatabaseRefused(f"no connection to {place}: {_said(error)}") from error


def _place(url: str) -> str:
    """Database and hosts for messages: without user and password."""
    dsn = PostgresDsn(url)
    hosts = ", ".join(f"{host['host']}:{host['port'] or 5432}" for host in dsn.hosts())
    return f"PostgreSQL database {(dsn.path or '/').removeprefix('/')} at {hosts}"


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__
