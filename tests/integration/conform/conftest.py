"""Servers of these tests alone: the kit takes rights and the database away."""

from collections.abc import AsyncIterator

import pytest

from devstack.servers.all import Servers
from tests.support.servers.nats_server import NatsServer
from tests.support.servers.rights import refusing


@pytest.fixture(scope="session")
async def nats(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[NatsServer]:
    folder = tmp_path_factory.mktemp("conform")
    server = NatsServer(folder, refusing(folder))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(scope="session")
async def postgres(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """A server of these tests alone: they freeze it."""
    async with Servers(tmp_path_factory.mktemp("postgres"), only={"postgres"}) as servers:
        yield servers
