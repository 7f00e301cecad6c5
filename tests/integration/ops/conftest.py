from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from devstack.servers.all import Servers
from ops.jetstream import JetStream
from tests.support.events import durable_events
from tests.support.events.durable_events import connected


@pytest.fixture
async def empty(tmp_path: Path) -> AsyncIterator[Servers]:
    """NATS without a stream."""
    async with durable_events.nats(tmp_path, streams=False) as servers:
        yield servers


@pytest.fixture
async def deployer(empty: Servers) -> AsyncIterator[JetStream]:
    async with connected(empty, "deployer") as transport:
        yield JetStream(transport)


@pytest.fixture
async def operator(empty: Servers) -> AsyncIterator[JetStream]:
    async with connected(empty, "operator") as transport:
        yield JetStream(transport)
