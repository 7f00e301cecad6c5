"""Servers for the tests of the transport."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.nats_server import NatsServer, ServerFactory


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
