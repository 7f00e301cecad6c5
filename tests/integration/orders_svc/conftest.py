from collections.abc import AsyncIterator

import pytest

from tests.integration.orders_svc.shop import Shop, open_shop


@pytest.fixture(scope="module")
async def shop(customers_url: str, products_url: str, orders_url: str) -> AsyncIterator[Shop]:
    """A shop of the module's own."""
    urls = {"customers": customers_url, "products": products_url, "orders": orders_url}
    async with open_shop(urls) as shop:
        yield shop
