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
