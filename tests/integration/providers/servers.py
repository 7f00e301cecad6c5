"""The databases of these tests until tests/conftest.py brings `customers_url` and `products_url` for all."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from devstack.servers import Servers


@pytest.fixture(scope="session")
async def postgres(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    home: Path = tmp_path_factory.mktemp("servers")
    async with Servers(home, only=["postgres"]) as servers:
        yield servers


@pytest.fixture(scope="session")
def customers_url(postgres: Servers) -> str:
    return postgres.customers_url


@pytest.fixture(scope="session")
def products_url(postgres: Servers) -> str:
    return postgres.products_url
