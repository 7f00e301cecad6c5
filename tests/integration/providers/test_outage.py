import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from devstack.servers.all import Servers
from providers.errors import DatabaseUnavailable
from providers.postgres.database import Database, open_database


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[Servers]:
    """A PostgreSQL of this test's own, to be stopped and killed."""
    async with Servers(tmp_path / "home", only=["postgres"]) as servers:
        yield servers


async def test_an_outage_is_named_and_over_once_the_server_is_back(servers: Servers) -> None:
    async with open_database(SecretStr(servers.urls["customers"]), name="test") as database:
        await servers.kill("postgres")
        for _ in range(3):
            with pytest.raises(DatabaseUnavailable, match="the database does not answer"):
                await database.fetchrow("SELECT 1")

        await servers.restart("postgres")

        assert await database.fetchrow("SELECT 1") is not None


async def test_statements_on_the_way_when_the_server_dies_fail_by_that_name_alone(servers: Servers) -> None:
    ended: list[BaseException | None] = []

    async def keep_asking(database: Database) -> None:
        while True:
            try:
                await database.fetchrow("SELECT 1")
            except DatabaseUnavailable:
                return

    async with open_database(SecretStr(servers.urls["customers"]), name="test", size=4) as database:
        for _ in range(10):
            asking = [asyncio.create_task(keep_asking(database)) for _ in range(4)]
            await asyncio.sleep(0.02)
            await servers.kill("postgres")
            ended += await asyncio.gather(*asking, return_exceptions=True)
            await servers.restart("postgres")

    assert [None] * 40 == ended
