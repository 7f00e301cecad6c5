from collections.abc import AsyncIterator

import pytest

from devstack.servers.all import Servers
from mesh.transport.base import Message
from tests.security.edge import Edge, edge, spying
from tests.support.servers.whole_mesh import http, stack

__all__ = ["http", "stack"]


@pytest.fixture(scope="package")
async def nats(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """A NATS server with nats.conf, and nobody else on it."""
    async with Servers(tmp_path_factory.mktemp("nats"), only=["nats"]) as servers:
        yield servers


@pytest.fixture(scope="package")
async def spied_nats(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """Another one, where spies are in the workers' place."""
    async with Servers(tmp_path_factory.mktemp("spied"), only=["nats"]) as servers:
        yield servers


@pytest.fixture(scope="package")
async def seen(spied_nats: Servers) -> AsyncIterator[list[Message]]:
    """What the spies were asked."""
    async with spying(spied_nats) as seen:
        yield seen


@pytest.fixture(scope="package")
async def closed_edge(spied_nats: Servers, seen: list[Message]) -> AsyncIterator[Edge]:
    """A gateway as it is where nobody sets anything."""
    async with edge(spied_nats, seen) as made:
        yield made
