from collections.abc import AsyncIterator

import pytest

from tests.support.gateway.world import World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A mesh with a fake of every service."""
    made = World()
    await made.start()
    yield made
    await made.stop()
