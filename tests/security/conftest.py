from collections.abc import AsyncIterator

import pytest

from devstack.servers import Servers


@pytest.fixture(scope="session")
async def nats(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """A NATS server with nats.conf, and nobody else on it."""
    async with Servers(tmp_path_factory.mktemp("nats"), only=["nats"]) as servers:
        yield servers
