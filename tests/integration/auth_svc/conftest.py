import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any

import pytest
from pydantic import SecretStr
from pymongo import AsyncMongoClient

from auth_svc.app import build
from auth_svc.repository import ensure_indexes
from auth_svc.settings import AuthSettings
from devstack.servers import Servers
from mesh.client import Client
from mesh.context import Context, working_on
from mesh.endpoint import Endpoint, Rep, Req
from mesh.memory import MemoryBroker, MemoryTransport
from providers import mongo
from providers.mongo import Database

COLLECTIONS = ("users", "sessions", "signing_keys")


@pytest.fixture(scope="session")
async def auth_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A MongoDB URL whose user may read and write its database."""
    async with Servers(tmp_path_factory.mktemp("servers"), only={"mongo"}) as servers:
        yield servers.mongo_url


@pytest.fixture(params=["motor", "pymongo"])
async def any_database(request: pytest.FixtureRequest, auth_url: str) -> AsyncIterator[Database]:
    """The database, empty, by Motor and by its successor."""
    driver = {"motor": mongo.DRIVER, "pymongo": AsyncMongoClient}[request.param]
    async with mongo.open_database(SecretStr(auth_url), default_name="auth", driver=driver) as opened:
        await empty(opened)
        await ensure_indexes(opened)
        yield opened


@pytest.fixture
async def database(auth_url: str) -> AsyncIterator[Database]:
    """The database, empty."""
    async with mongo.open_database(SecretStr(auth_url), default_name="auth") as opened:
        await empty(opened)
        yield opened


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


class Mesh:
    """A mesh of auth workers alone, and a caller."""

    def __init__(self, resources: AsyncExitStack) -> None:
        self._broker = MemoryBroker()
        self._resources = resources
        self._caller = MemoryTransport(self._broker, "test")
        self._client = Client(self._caller)

    async def start(self, settings: AuthSettings) -> None:
        """Start a worker."""
        service = await build(settings, MemoryTransport(self._broker, "auth"), self._resources)
        await service.start()
        self._resources.push_async_callback(service.drain)

    async def call(self, endpoint: Endpoint[Req, Rep], request: Req, access_token: str | None = None) -> Rep:
        """Call as the user whom the token speaks for."""
        if access_token is None:
            return await self._client.call(endpoint, request)
        with working_on(Context("r1", float("inf"), authorization=f"Bearer {access_token}")):
            return await self._client.call(endpoint, request)

    async def send(self, subject: str, payload: bytes) -> tuple[Mapping[str, str], bytes]:
        """Send bytes that no contract was asked about; the answer's headers and body."""
        answer = await self._caller.request(subject, payload, {}, timeout=5)
        return answer.headers, answer.payload


@pytest.fixture
async def mesh() -> AsyncIterator[Mesh]:
    async with AsyncExitStack() as resources:
        yield Mesh(resources)


@pytest.fixture
async def worker(mesh: Mesh, settings: AuthSettings) -> Mesh:
    """A mesh with one worker."""
    await mesh.start(settings)
    return mesh


Documents = Callable[[str], Awaitable[list[dict[str, Any]]]]


@pytest.fixture
def documents(database: Database) -> Documents:
    """What a collection holds."""

    async def read(collection: str) -> list[dict[str, Any]]:
        return await database[collection].find().to_list()

    return read
