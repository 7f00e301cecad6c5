"""How a process opens its MongoDB, and the one line that names the driver."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC
from typing import Any, cast

import stamina
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ConnectionFailure, PyMongoError

Document = dict[str, Any]
Client = AsyncMongoClient[Document]
Database = AsyncDatabase[Document]

# Motor, typed as the successor whose calls it shares: to move there, say `AsyncMongoClient` here (ADR 0002).
DRIVER = cast("type[Client]", AsyncIOMotorClient)

_OPERATION_TIMEOUT = 3.0
_PATIENCE = 30.0


@asynccontextmanager
async def open_database(
    url: str,
    *,
    default_name: str,
    timeout: float = _OPERATION_TIMEOUT,
    patience: float = _PATIENCE,
    driver: type[Client] = DRIVER,
) -> AsyncIterator[Database]:
    """The database that the URL names, or `default_name` where it names none.

    `timeout`: seconds that any one operation may take, its retries included. `patience`: seconds to wait for a server
    that is not up yet; one that refuses us is not asked again.

    Raises ConnectionError, whose message shows the servers' names and neither user nor password.
    """
    where = url.partition("://")[2].rpartition("@")[2].partition("/")[0]
    try:
        client = _client(url, timeout, driver)
    except (PyMongoError, ValueError) as error:
        raise ConnectionError(f"not a MongoDB URL that can be used: {error}") from error
    try:
        database = client.get_default_database(default_name)
        await _reach(database, where, patience)
        yield database
    finally:
        closing = client.close()
        if closing is not None:  # Motor closes at once
            await closing


def _client(url: str, timeout: float, driver: type[Client]) -> Client:
    milliseconds = round(timeout * 1000)
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


async def _reach(database: Database, where: str, patience: float) -> None:
    try:
        async for attempt in stamina.retry_context(is_outage, attempts=None, timeout=patience, wait_max=2.0):
            with attempt:
                await database.list_collection_names()  # unlike a ping, it needs the right to be here
    except PyMongoError as error:
        raise ConnectionError(f"cannot open MongoDB's database {database.name} at {where}: {error}") from error


def is_outage(error: Exception) -> bool:
    """Whether the database could not be reached, or not in time: the same operation may succeed a moment later."""
    return isinstance(error, ConnectionFailure) or (isinstance(error, PyMongoError) and error.timeout)
