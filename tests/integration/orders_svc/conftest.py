from collections.abc import AsyncIterator, Mapping

import pytest

from tests.integration.orders_svc.shop import Shop, open_shop


@pytest.fixture(scope="session")
def urls(customers_url: str, products_url: str, orders_url: str) -> Mapping[str, str]:
    """The databases of a shop."""
    return {"customers": customers_url, "products": products_url, "orders": orders_url}


@pytest.fixture(scope="module")
async def shop(urls: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """A shop of the module's own."""
    async with open_shop(urls, tmp_path_factory.mktemp("shop"), reserves=True) as shop:
        yield shop


@pytest.fixture(scope="module")
async def still_shop(urls: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """A shop of the module's own, whose orders stay as they are placed."""
    async with open_shop(urls, tmp_path_factory.mktemp("shop"), reserves=False) as shop:
        yield shop
