import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from pydantic import SecretStr
from pymongo import AsyncMongoClient

from auth_svc.repository import ensure_indexes
from auth_svc.settings import AuthSettings
from providers.mongo import database as mongo
from providers.mongo.database import Database
from tests.integration.auth_svc.small_mesh import Documents, Mesh

COLLECTIONS = ("users", "sessions", "signing_keys", "throttles", "audit", "mail_requests")


@pytest.fixture(scope="session", params=["motor", "pymongo"])
async def opened(request: pytest.FixtureRequest, auth_url: str) -> AsyncIterator[Database]:
    """The database by Motor, then by its successor.

    Once for all tests: PyMongo 4.20 leaves a socket unclosed when it is closed while it still connects.
    """
    driver = {"motor": mongo.DRIVER, "pymongo": AsyncMongoClient}[request.param]
    async with mongo.open_database(SecretStr(auth_url), default_name="auth", driver=driver) as database:
        yield database


@pytest.fixture
async def any_database(opened: Database) -> Database:
    """The database, empty, by either driver."""
    await empty(opened)
    await ensure_indexes(opened)
    return opened


@pytest.fixture
async def database(auth_url: str) -> AsyncIterator[Database]:
    """The database, empty."""
    async with mongo.open_database(SecretStr(auth_url), default_name="auth") as database:
        await empty(database)
        yield database


async def empty(database: Database) -> None:
    for collection in COLLECTIONS:
        await database.drop_collection(collection)


@pytest.fixture
def settings(auth_url: str, database: Database) -> AuthSettings:
    """A worker's settings: an argon2id that takes no time, on a database that is empty."""
    return AuthSettings(
        auth_mongodb_url=auth_url,
        auth_key_encryption_key=base64.b64encode(bytes(range(32))).decode(),
        auth_argon2_memory_kib=128,
        auth_argon2_time_cost=1,
    )


@pytest.fixture
async def mesh() -> AsyncIterator[Mesh]:
    async with AsyncExitStack() as resources:
        yield Mesh(resources)


@pytest.fixture
async def worker(mesh: Mesh, settings: AuthSettings) -> Mesh:
    """A mesh with one worker."""
    await mesh.start(settings)
    return mesh


@pytest.fixture
def documents(database: Database) -> Documents:
    """What a collection holds."""

    async def read(collection: str) -> list[dict[str, Any]]:
        return await database[collection].find().to_list()

    return read
