from collections.abc import AsyncIterator

import pytest

from mesh.transport.memory import MemoryBroker, MemoryTransport
from tests.support.mesh.sign_in import SignIn


@pytest.fixture
def broker() -> MemoryBroker:
    return MemoryBroker()


@pytest.fixture
async def sign_in(broker: MemoryBroker) -> AsyncIterator[SignIn]:
    """Whose tokens the workers on the broker believe."""
    sign_in = SignIn(MemoryTransport(broker))
    await sign_in.service.start()
    yield sign_in
    await sign_in.service.drain()
