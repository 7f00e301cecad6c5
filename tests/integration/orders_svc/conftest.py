from collections.abc import AsyncIterator

import pytest

from devstack.servers.all import Servers
from tests.support.shop import Shop, open_shop


@pytest.fixture(scope="module")
async def shop(databases: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """A shop of the module's own."""
    async with open_shop(databases.urls, tmp_path_factory.mktemp("shop"), reserves=True) as shop:
        yield shop


@pytest.fixture(scope="module")
async def still_shop(databases: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """A shop of the module's own, whose orders stay as they are placed."""
    async with open_shop(databases.urls, tmp_path_factory.mktemp("shop"), reserves=False) as shop:
        yield shop
