from collections.abc import AsyncIterator
from importlib.resources import files

import pytest
from pydantic import SecretStr

from mesh.service.faults import database_unavailable
from products_svc.categories_handlers import CategoryHandlers
from products_svc.categories_repository import Categories
from products_svc.handlers import Handlers
from products_svc.prices_handlers import PriceHandlers
from products_svc.prices_repository import Prices
from products_svc.repository import Catalogue, seed
from products_svc.suppliers_handlers import SupplierHandlers
from products_svc.suppliers_repository import Suppliers
from providers.postgres.database import Database, open_database
from providers.postgres.migrations import migrate
from providers.terms import Terms
from tests.support.servers.schemas import fresh_schema
from worker.postgres import idempotent_writes


@pytest.fixture
async def url(products_url: str) -> AsyncIterator[SecretStr]:
    """An empty database."""
    async with fresh_schema(products_url) as url:
        yield url


@pytest.fixture
async def database(url: SecretStr) -> AsyncIterator[Database]:
    """A database with Northwind's catalogue."""
    terms = Terms(unavailable=database_unavailable)
    async with open_database(url, name="test", terms=terms) as database:
        await migrate(database, files("products_svc") / "migrations", seed, events=True)
        yield database


@pytest.fixture
def handlers(database: Database) -> Handlers:
    return Handlers(Catalogue(database), idempotent_writes(database, Catalogue, events=True))


@pytest.fixture
def categories(database: Database) -> CategoryHandlers:
    return CategoryHandlers(Categories(database), idempotent_writes(database, Categories, events=True))


@pytest.fixture
def suppliers(database: Database) -> SupplierHandlers:
    return SupplierHandlers(Suppliers(database), idempotent_writes(database, Suppliers, events=True))


@pytest.fixture
def prices(database: Database) -> PriceHandlers:
    return PriceHandlers(Prices(database), idempotent_writes(database, Prices, events=True))
