"""Opens MongoDB: a client whose every operation is bounded, and the one line that chooses the driver."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from datetime import UTC
from typing import Annotated, Any, TypeAlias, cast

import pymongo
import stamina
from motor.motor_asyncio import AsyncIOMotorClient
from pydantic import AfterValidator, MongoDsn, SecretStr, ValidationError
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

from providers.errors import DatabaseRefused, DatabaseUnavailable
from providers.mongo.pool import PoolCounts
from providers.mongo.statement_spans import StatementSpans
from providers.terms import StatementSpan

Document: TypeAlias = dict[str, Any]
Client: TypeAlias = AsyncMongoClient[Document]
Database: TypeAlias = AsyncDatabase[Document]

# Motor, typed as its successor, whose calls it shares: to migrate, use `AsyncMongoClient` here (ADR 2).
DRIVER = cast("type[Client]", AsyncIOMotorClient)

OPERATION_TIMEOUT = 3.0  # below every endpoint's timeout, so that the caller learns the reason
_PROBE_TIMEOUT = 1.0
_CLOSE_TIMEOUT = 1.0
_SHUTTING_DOWN = {91, 11600, 11602}  # ShutdownInProgress, InterruptedAtShutdown, InterruptedDueToReplStateChange
_SHORTEST = 0.001  # zero would mean no limit


def _well_formed(url: SecretStr) -> SecretStr:
    try:
        MongoDsn(url.get_secret_value())
    except ValidationError:
        # Our own text: pydantic's would show the URL and its password.
        raise ValueError(
            "must be mongodb://host:port/database, with user and password before the host, percent-encoded"
        ) from None
    return url


MongoUrl = Annotated[SecretStr, AfterValidator(_well_formed)]
"""mongodb://user:password@host:port/database; secret, since it contains the password."""


@asynccontextmanager
async def open_database(  # noqa: PLR0913  # each by name
    url: SecretStr,
    *,
    default_name: str,
    timeout: float = OPERATION_TIMEOUT,
    connect_timeout: float = 30.0,
    span: Callable[[], StatementSpan | None] | None = None,
    driver: type[Client] = DRIVER,
) -> AsyncIterator[Database]:
    """The database named in the URL, or `default_name`. Waits for a server that is starting.

    `timeout`: seconds for any one operation, including the driver's retries. `span` returns the span of the current
    task, which records its commands. Leave it out unless the process traces: it costs some time for every command.

    Raises DatabaseUnavailable if it is not reachable within `connect_timeout` seconds, and DatabaseRefused at once if
    it rejects us.
    """
    client = _client(url.get_secret_value(), timeout, driver, [StatementSpans(span)] if span else [])
    try:
        database = client.get_default_database(default_name)
        await _reach(database, _place(url, database), connect_timeout)
        yield database
    finally:
        with pymongo.timeout(_CLOSE_TIMEOUT):  # closing writes to a server that may be frozen
            closing = client.close()
            if closing is not None:  # Motor's close() is not async
                await closing


def bounded(seconds: float | None) -> AbstractContextManager[None]:
    """End the operations within after `seconds`, or by the usual limit if that is earlier. None changes nothing."""
    return pymongo.timeout(None if seconds is None else min(max(seconds, _SHORTEST), OPERATION_TIMEOUT))


async def probe(database: Database) -> None:
    """Check that the server is alive. Raises PyMongoError or TimeoutError within little more than a second."""
    async with asyncio.timeout(_PROBE_TIMEOUT):  # Motor's threads may all be busy
        with pymongo.timeout(_PROBE_TIMEOUT):
            await database.command("ping")


def pool_counts(database: Database) -> tuple[PoolCounts, int]:
    """The counts of the client's connections, and how many it may open to a server."""
    options = database.client.options
    (counts,) = (one for one in options.event_listeners if isinstance(one, PoolCounts))
    return counts, int(options.pool_options.max_pool_size)


def is_outage(error: PyMongoError) -> bool:
    """Whether the database was unreachable or too slow. The start waits only for such an error to pass."""
    shutting_down = isinstance(error, OperationFailure) and error.code in _SHUTTING_DOWN
    return isinstance(error, ConnectionFailure) or error.timeout or shutting_down


def said(error: PyMongoError) -> str:
    """The driver's message, without its description of the deployment and the server's raw response."""
    return re.split(r", (?:Timeout|full error): ", str(error))[0] or type(error).__name__


def _client(url: str, timeout: float, driver: type[Client], listeners: list[StatementSpans]) -> Client:
    milliseconds = round(timeout * 1000)
    try:
        return driver(
            url,
            timeoutMS=milliseconds,
            serverSelectionTimeoutMS=milliseconds,
            connectTimeoutMS=milliseconds,
            w="majority",
            journal=True,
            tz_aware=True,
            tzinfo=UTC,
            event_listeners=[PoolCounts(), *listeners],
        )
    except (PyMongoError, ValueError) as error:
        raise DatabaseRefused(f"not a usable MongoDB URL: {error}") from error


async def _reach(database: Database, place: str, connect_timeout: float) -> None:
    try:
        async for attempt in stamina.retry_context(_may_pass, attempts=None, timeout=connect_timeout, wait_max=1.0):
            with attempt:
                await database.list_collection_names()  # unlike a ping, it needs access rights
    except PyMongoError as error:
        kind = DatabaseUnavailable if is_outage(error) else DatabaseRefused
        raise kind(f"no connection to {place}: {said(error)}") from error


def _may_pass(error: Exception) -> bool:
    return isinstance(error, PyMongoError) and is_outage(error)


def _place(url: SecretStr, database: Database) -> str:
    """Database and hosts for messages: without user and password."""
    hosts = ", ".join(f"{host['host']}:{host['port'] or 27017}" for host in MongoDsn(url.get_secret_value()).hosts())
    return f"MongoDB database {database.name} at {hosts}"
