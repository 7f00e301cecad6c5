from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from devstack.servers import Servers
from providers.errors import DatabaseUnavailable
from providers.postgres import open_database


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[Servers]:
    """A PostgreSQL of this test's own, to be stopped and killed."""
    async with Servers(tmp_path / "home", only=["postgres"]) as servers:
        yield servers


async def test_an_outage_is_named_and_over_once_the_server_is_back(servers: Servers) -> None:
    async with open_database(SecretStr(servers.customers_url), name="test") as database:
        await servers.kill("postgres")
        for _ in range(3):
            with pytest.raises(DatabaseUnavailable, match="the database does not answer"):
                await database.fetchrow("SELECT 1")

        await servers.restart("postgres")

        assert await database.fetchrow("SELECT 1") is not None
