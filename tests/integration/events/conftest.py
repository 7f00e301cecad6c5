"""A NATS server with streams, and a database with an outbox, an inbox and a table of effects."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from importlib.resources import files
from pathlib import Path

import pytest
from pydantic import SecretStr

from mesh.nats.transport import NatsTransport
from providers.postgres.connections import Connection
from providers.postgres.database import Database, open_database
from providers.postgres.migrations import migrate
from tests.integration.providers.schemas import fresh_schema
from tests.nats_server import NatsServer
from tests.sample_events import HAPPENED, SETTLED
from tests.streams import JETSTREAM, make_streams

Connect = Callable[[], Awaitable[NatsTransport]]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    """A server that keeps streams."""
    server = NatsServer(tmp_path, JETSTREAM.format(folder=tmp_path / "jetstream"))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def connect(server: NatsServer) -> AsyncIterator[Connect]:
    """Make connections of the service `sample`, whose streams and consumer are there."""
    async with AsyncExitStack() as opened:

        async def connect() -> NatsTransport:
            transport = await server.connect("sample")
            opened.push_async_callback(transport.close)
            return transport

        await make_streams(await connect(), "sample", HAPPENED.subject, SETTLED.subject, ack_wait=2)
        yield connect


@pytest.fixture
async def transport(connect: Connect) -> NatsTransport:
    return await connect()


@pytest.fixture
async def database_url(customers_url: str) -> AsyncIterator[SecretStr]:
    """A schema of the test's own."""
    async with fresh_schema(customers_url) as url:
        yield url


@pytest.fixture
async def database(database_url: SecretStr) -> AsyncIterator[Database]:
    """A database with the tables of events and the table `effects`."""
    async with open_database(database_url, name="test") as database:
        await migrate(database, files("customers_svc") / "migrations", events=True)
        await database.fetch("CREATE TABLE effects (number int NOT NULL)")
        yield database


class Effects:
    """The repository of the tests."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, number: int) -> None:
        await self._connection.execute("INSERT INTO effects VALUES ($1)", number)


async def numbers(database: Database) -> list[int]:
    """The effects, in order of the number."""
    return [row["number"] for row in await database.fetch("SELECT number FROM effects ORDER BY number")]
