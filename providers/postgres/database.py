"""The one door to PostgreSQL: a pool whose every wait has an end, and whose troubles have one name."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Protocol

import asyncpg
import stamina
from asyncpg import Record
from pydantic import AfterValidator, PostgresDsn, SecretStr

from providers.errors import Blame, DatabaseRefused, DatabaseUnavailable
from providers.postgres.connections import Connection, Connections, open_connections
from providers.postgres.sqlstates import READ_ONLY, blame, spoils
from providers.postgres.url import SSL_MODES, connect_arguments
from providers.terms import Terms

_PROBE_TIMEOUT = 1.0
_CLOCK_STEP = 0.01  # a timer may ring so much before the clock shows its time: uvloop counts milliseconds
_AWAY = (
    OSError,  # TimeoutError is one
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shutting down, starting up, statement_timeout
    asyncpg.InsufficientResourcesError,  # too many connections, disk full
    asyncpg.InternalClientError,  # what asyncpg makes of a connection that breaks as it sends
)
_ERRORS = (OSError, asyncpg.PostgresError, asyncpg.InternalClientError)


def _well_formed(url: SecretStr) -> SecretStr:
    try:
        connect_arguments(url.get_secret_value())
    except OSError as error:  # ssl.SSLError is one
        raise ValueError(f"sslrootcert, sslcert, sslkey, sslcrl: {error.strerror or 'no certificate'}") from None
    except ValueError:
        # Of our own words: others' would show the URL, and with it the password.
        raise ValueError(
            "must be postgresql://host:port/database, with user and password before the host, percent-encoded, "
            f"and such parameters as ?sslmode={SSL_MODES}"
        ) from None
    return url


PostgresUrl = Annotated[SecretStr, AfterValidator(_well_formed)]
"""postgresql://user:password@host:port/database: a secret, since the password is in it. Nothing else counts."""


class Statements(Protocol):
    """Where a repository's statements run: a database, or a connection within a transaction."""

    async def fetch(self, sql: str, /, *values: object) -> list[Record]:
        """All rows of one statement."""

    async def fetchrow(self, sql: str, /, *values: object) -> Record | None:
        """The first row of one statement, None where there is none."""


_ON_OUR_TERMS = Terms()


class Database:
    """A database that a process owns; statements run here and nowhere else, none beyond the deadline.

    After a change of the schema asyncpg prepares a cached statement anew by itself, outside of transactions.
    """

    def __init__(self, connections: Connections, spare: Connections, terms: Terms) -> None:
        self._connections = connections
        self._spare = spare
        self._terms = terms
        self.outbox_written = asyncio.Event()
        """Set when a transaction that wrote an event has committed."""

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
            connection.take_wrote_outbox()  # type: ignore[attr-defined]  # of a transaction that was rolled back
            try:
                async with connection.transaction():
                    try:
                        yield connection
                    except (asyncio.CancelledError, TimeoutError):
                        connection.terminate()  # to roll back, it would wait for a server that may be frozen
                        raise
            except asyncpg.InterfaceError as error:
                # On a connection that broke, the transaction's end complains in place of what broke it.
                cause = error.__context__
                if cause and (isinstance(cause, asyncio.CancelledError) or blame(cause) is Blame.DATABASE):
                    raise cause from None
                raise
            if connection.take_wrote_outbox():  # type: ignore[attr-defined]  # our own kind of connection's
                self.outbox_written.set()

    async def probe(self) -> str | None:
        """Look for a sign of life, on a connection kept for that: a pool that is busy is no outage.

        Says what the database cannot do though it lives, None where it can do all. Raises DatabaseUnavailable, within
        little more than a second.
        """
        try:
            async with asyncio.timeout(_PROBE_TIMEOUT), self._spare.taken() as connection:
                if await connection.fetchval("SELECT current_setting('transaction_read_only')") == "off":
                    return None
                connection.terminate()  # the next one may reach another server, and has today's defaults
                return "the database takes no writes"
        except _ERRORS as error:
            raise DatabaseUnavailable(f"the database does not answer: {_said(error)}") from error

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        left = self._terms.remaining()
        try:
            async with asyncio.timeout(left), self._connections.taken() as connection:
                try:
                    await connection.limit_statements(left)
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
    if isinstance(statements, Database):
        async with statements.transaction() as connection:
            yield connection
    else:
        yield statements


@asynccontextmanager
async def open_database(
    url: SecretStr, *, name: str, size: int = 10, patience: float = 30.0, terms: Terms = _ON_OUR_TERMS
) -> AsyncIterator[Database]:
    """A pool of up to `size` connections, known to the server as `name`, and one more to probe the server with.

    A server that is starting is waited for. Raises DatabaseUnavailable when it cannot be reached within `patience`
    seconds, DatabaseRefused at once when it can be and refuses us.
    """
    async with open_connections(url, name, size) as connections, open_connections(url, f"{name} probe", 1) as spare:
        await _reach(connections, _place(url.get_secret_value()), patience)
        yield Database(connections, spare, terms)


async def _reach(connections: Connections, place: str, patience: float) -> None:
    attempts = stamina.retry_context(on=_AWAY, attempts=None, timeout=patience, wait_max=1.0, wait_jitter=0.1)
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
    """Database and host as a message may show them: without user and password."""
    dsn = PostgresDsn(url)
    hosts = ", ".join(f"{host['host']}:{host['port'] or 5432}" for host in dsn.hosts())
    return f"PostgreSQL database {(dsn.path or '/').removeprefix('/')} at {hosts}"


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__
