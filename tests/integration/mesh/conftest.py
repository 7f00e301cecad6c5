"""Servers for the tests of the transport."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mesh.nats.settings import NatsSettings
from mesh.nats.transport import NatsTransport
from tests.support.servers.nats_server import NatsServer, OneOfTwo, ServerFactory


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[ServerFactory]:
    """Make servers that end with the test."""
    made: list[NatsServer] = []

    def make(configuration: str = "") -> NatsServer:
        made.append(NatsServer(tmp_path, configuration))
        return made[-1]

    yield make
    for server in made:
        await server.stop()


@pytest.fixture
async def server(servers: ServerFactory) -> NatsServer:
    """A running server without users."""
    made = servers()
    await made.start()
    return made


@pytest.fixture
async def one_of_two(servers: ServerFactory) -> AsyncIterator[OneOfTwo]:
    """A connection to one of two running servers."""
    one, two = servers(), servers()
    await one.start()
    await two.start()
    transport = await NatsTransport.connect(NatsSettings(nats_url=f"{one.url},{two.url}"), "test")
    yield (transport, one, two) if one.serves(transport) else (transport, two, one)
    await transport.close()
