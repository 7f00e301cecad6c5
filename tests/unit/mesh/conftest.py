"""A worker and a caller on a mesh in memory."""

from collections.abc import AsyncIterator

import pytest

from mesh.transport.memory import MemoryBroker, MemoryTransport


@pytest.fixture
def broker() -> MemoryBroker:
    return MemoryBroker(max_payload=10_000)


@pytest.fixture
def worker(broker: MemoryBroker) -> MemoryTransport:
    return MemoryTransport(broker, "worker")


@pytest.fixture
async def caller(broker: MemoryBroker) -> AsyncIterator[MemoryTransport]:
    transport = MemoryTransport(broker, "caller")
    yield transport
    await transport.close()
