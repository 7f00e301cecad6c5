from collections.abc import AsyncIterator

import pytest

from devstack.servers.all import Servers
from tests.support.events import durable_events


@pytest.fixture(scope="package")
async def streams(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """NATS with nats.conf and streams, where services publish and handle durable events."""
    async with durable_events.nats(tmp_path_factory.mktemp("streams")) as servers:
        yield servers
