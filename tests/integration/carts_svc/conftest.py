from collections.abc import AsyncIterator, Mapping

import pytest

from devstack.servers.all import Servers
from tests.integration.carts_svc.market import Market, open_market


@pytest.fixture(scope="session")
def urls(databases: Servers) -> Mapping[str, str]:
    """The databases of a market."""
    return databases.urls


@pytest.fixture(scope="module")
async def market(urls: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Market]:
    """A market of the module's own."""
    async with open_market(urls, tmp_path_factory.mktemp("market")) as market:
        yield market
