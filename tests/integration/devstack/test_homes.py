"""What stays of the servers in a home, from one start to the next."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from pymongo import AsyncMongoClient

from devstack.errors import DevstackError
from devstack.servers.all import Servers
from devstack.servers.ports import free_ports
from ops.process import Process
from services import PROCESSES


def mongo_client(url: str) -> AsyncMongoClient[dict[str, Any]]:
    return AsyncMongoClient(url)


STORES = [replace(row, handles=()) for row in PROCESSES if row.store]  # no events: NATS is not started
ONE_OF_A_KIND = {row.store: row for row in STORES}


@pytest.mark.parametrize("new", ONE_OF_A_KIND.values(), ids=ONE_OF_A_KIND)
async def test_a_home_that_is_older_than_a_service_gets_its_database_and_keeps_the_data(
    tmp_path: Path, new: Process
) -> None:
    """Both ways: with the note of what was made, and as an earlier version left the home, without one."""
    older = [row for row in STORES if row is not new]
    names = {row.name: row for row in STORES}
    async with Servers(tmp_path, only=["postgres", "mongo"], processes=older, events=()) as servers:
        assert {row.name for row in older} == servers.urls.keys()
        for name, url in servers.urls.items():
            await keep_one(names[name], url)
    (tmp_path / "postgres.databases").unlink()
    (tmp_path / "mongo" / "users").unlink()
    for processes in (older, STORES, STORES):
        async with Servers(tmp_path, only=["postgres", "mongo"], processes=processes, events=()) as servers:
            for row in older:
                assert 1 == await kept(row, servers.urls[row.name])
            if len(processes) > len(older):
                assert 0 == await kept(new, servers.urls[new.name])


async def test_a_start_that_broke_off_between_role_and_database_is_finished(tmp_path: Path) -> None:
    row = next(row for row in PROCESSES if row.store == "postgres")
    async with Servers(tmp_path, only=["postgres"]) as servers:
        connection = await asyncpg.connect(
            servers.urls[row.name],
            user="postgres",
            password=servers.credentials.postgres_superuser,
            database="postgres",
        )
        await connection.execute(f"DROP DATABASE {row.name}")
        await connection.execute(f"ALTER ROLE {row.name} PASSWORD 'another'")
        await connection.close()
    (tmp_path / "postgres.databases").unlink()
    async with Servers(tmp_path, only=["postgres"]) as servers:
        assert 0 == await kept(row, servers.urls[row.name])


async def keep_one(row: Process, url: str) -> None:
    if row.store == "mongo":
        async with mongo_client(url) as client:
            await client.get_default_database().things.insert_one({})
    else:
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE TABLE things AS SELECT 1")
        await connection.close()


async def kept(row: Process, url: str) -> int:
    if row.store == "mongo":
        async with mongo_client(url) as client:
            return int(await client.get_default_database().things.count_documents({}))
    connection = await asyncpg.connect(url)
    found = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE tablename = 'things'")
    await connection.close()
    return int(found)


async def test_data_that_mongod_never_finished_is_made_anew(tmp_path: Path) -> None:
    async with Servers(tmp_path, only=["mongo"]) as servers:
        data = servers.mongo.data
    (data / "complete").unlink()
    (data / "sizeStorer.wt").write_bytes(b"half of it")
    async with Servers(tmp_path, only=["mongo"]) as servers, mongo_client(servers.urls["auth"]) as client:
        await client.auth.things.insert_one({})


async def test_data_and_passwords_outlive_a_stop(tmp_path: Path) -> None:
    async with Servers(tmp_path) as servers:
        seeds = servers.nats_seeds
        connection = await asyncpg.connect(servers.urls["products"])
        await connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        await connection.close()
        async with mongo_client(servers.urls["auth"]) as client:
            await client.auth.kept.insert_one({"answer": 42})
        (elsewhere,) = free_ports(1)

    # As after a start that was killed: mongod goes to the port that is noted, and its replica set knows another.
    (servers.mongo.data / "complete").write_text(str(elsewhere))
    async with Servers(tmp_path) as servers:
        assert seeds == servers.nats_seeds
        assert elsewhere == servers.mongo.port
        connection = await asyncpg.connect(servers.urls["products"])
        assert 42 == await connection.fetchval("SELECT answer FROM kept")
        await connection.close()
        async with mongo_client(servers.urls["auth"]) as client:
            assert 1 == await client.auth.kept.count_documents({"answer": 42})


async def test_data_without_its_passwords_is_an_error_that_says_so(tmp_path: Path) -> None:
    async with Servers(tmp_path, only=["postgres"]):
        pass
    (tmp_path / "secrets.json").unlink()
    with pytest.raises(DevstackError, match=r"remove .* to begin anew"):
        await Servers(tmp_path).start()
