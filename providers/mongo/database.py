"""The one door to MongoDB: a client whose every operation has an end, and the one line that names the driver."""

import asyncio
import re
from collections.abc import AsyncIterator
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

Document: TypeAlias = dict[str, Any]
Client: TypeAlias = AsyncMongoClient[Document]
Database: TypeAlias = AsyncDatabase[Document]

# Motor, typed as the successor whose calls it shares: to move there, say `AsyncMongoClient` here (ADR 0002).
DRIVER = cast("type[Client]", AsyncIOMotorClient)

OPERATION_TIMEOUT = 3.0  # shorter than any endpoint's, so that a caller hears why
_PROBE_TIMEOUT = 1.0
_CLOSE_TIMEOUT = 1.0
_SHUTTING_DOWN = {91, 11600, 11602}  # ShutdownInProgress, InterruptedAtShutdown, InterruptedDueToReplStateChange
_SHORTEST = 0.001  # none at all would mean no limit


def _well_formed(url: SecretStr) -> SecretStr:
    try:
        MongoDsn(url.get_secret_value())
    except ValidationError:
        # Of our own words: pydantic's would show the URL, and with it the password.
        raise ValueError(
            "must be mongodb://host:port/database, with user and password before the host, percent-encoded"
        ) from None
    return url


MongoUrl = Annotated[SecretStr, AfterValidator(_well_formed)]
"""mongodb://user:password@host:port/database: a secret, since the password is in it."""


@asynccontextmanager
async def open_database(
    url: SecretStr,
    *,
    default_name: str,
    timeout: float = OPERATION_TIMEOUT,
    patience: float = 30.0,
    driver: type[Client] = DRIVER,
) -> AsyncIterator[Database]:
    """The database that the URL names, or `default_name` where it names none; a server that is starting is waited for.

    `timeout`: seconds that any one operation may take, the driver's own retries included.

    Raises DatabaseUnavailable when it cannot be reached within `patience` seconds, DatabaseRefused at once when it can
    be and refuses us.
    """
    client = _client(url.get_secret_value(), timeout, driver)
    try:
        database = client.get_default_database(default_name)
        await _reach(database, _place(url, database), patience)
        yield database
    finally:
        with pymongo.timeout(_CLOSE_TIMEOUT):  # it says goodbye to a server that may be frozen
            closing = client.close()
            if closing is not None:  # Motor closes at once
                await closing


def bounded(seconds: float | None) -> AbstractContextManager[None]:
    """Have the operations within end in so many seconds, or earlier as any other; None changes nothing."""
    return pymongo.timeout(None if seconds is None else min(max(seconds, _SHORTEST), OPERATION_TIMEOUT))


async def probe(database: Database) -> None:
    """Look for a sign of life. Raises PyMongoError or TimeoutError, within little more than a second."""
    async with asyncio.timeout(_PROBE_TIMEOUT):  # Motor's threads may all be busy
        with pymongo.timeout(_PROBE_TIMEOUT):
            await database.command("ping")


def is_outage(error: PyMongoError) -> bool:
    """Whether the database could not be reached, or not in time. At the start that is waited for, and nothing else."""
    shutting_down = isinstance(error, OperationFailure) and error.code in _SHUTTING_DOWN
    return isinstance(error, ConnectionFailure) or error.timeout or shutting_down


def said(error: PyMongoError) -> str:
    """What the driver says, without its picture of the whole deployment and the server's raw answer."""
    return re.split(r", (?:Timeout|full error): ", str(error))[0] or type(error).__name__


def _client(url: str, timeout: float, driver: type[Client]) -> Client:
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
        )
    except (PyMongoError, ValueError) as error:
        raise DatabaseRefused(f"not a MongoDB URL that can be used: {error}") from error


async def _reach(database: Database, place: str, patience: float) -> None:
    try:
        async for attempt in stamina.retry_context(_may_pass, attempts=None, timeout=patience, wait_max=1.0):
            with attempt:
                await database.list_collection_names()  # unlike a ping, it needs the right to be here
    except PyMongoError as error:
        kind = DatabaseUnavailable if is_outage(error) else DatabaseRefused
        raise kind(f"no connection to {place}: {said(error)}") from error


def _may_pass(error: Exception) -> bool:
    return isinstance(error, PyMongoError) and is_outage(error)


def _place(url: SecretStr, database: Database) -> str:
    """Database and hosts as a message may show them: without user and password."""
    hosts = ", ".join(f"{host['host']}:{host['port'] or 27017}" for host in MongoDsn(url.get_secret_value()).hosts())
    return f"MongoDB database {database.name} at {hosts}"
