from collections.abc import AsyncIterator
from importlib.resources import files

import pytest

from devstack.servers.all import Servers
from mesh.service.faults import database_unavailable
from providers.postgres.database import Database, open_database
from providers.postgres.migrations import migrate
from providers.terms import Terms
from shipping_svc.repository import seed
from tests.support.servers.schemas import fresh_schema
from tests.support.shop import Shop, open_shop


@pytest.fixture
async def database(databases: Servers) -> AsyncIterator[Database]:
    """A database with Northwind's shippers."""
    terms = Terms(unavailable=database_unavailable)
    async with (
        fresh_schema(databases.urls["shipping"]) as url,
        open_database(url, name="test", terms=terms) as database,
    ):
        await migrate(database, files("shipping_svc") / "migrations", seed, events=True)
        yield database


@pytest.fixture(scope="module")
async def shop(databases: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """A shop of the module's own."""
    async with open_shop(databases.urls, tmp_path_factory.mktemp("shop"), reserves=True) as shop:
        yield shop
