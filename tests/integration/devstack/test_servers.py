from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import asyncpg
import psutil
import pytest
from nats.aio.client import Client
from nats.errors import Error as NatsError
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure

from devstack.errors import DevstackError
from devstack.servers.all import Servers
from ops.process import ServerName


def mongo_client(url: str) -> AsyncMongoClient[dict[str, Any]]:
    return AsyncMongoClient(url)


async def test_three_servers_listen_on_loopback_only(servers: Servers) -> None:
    for name in ("nats", "postgres", "mongo"):
        pid = servers.pid(name)
        assert pid is not None
        listening = [c.laddr.ip for c in psutil.Process(pid).net_connections() if c.status == psutil.CONN_LISTEN]
        assert {"127.0.0.1"} == set(listening)


async def test_nats_tells_about_itself_on_its_monitor_url(servers: Servers) -> None:
    reply = await asyncio.to_thread(urlopen, f"{servers.nats_monitor_url}/healthz")
    with reply:
        assert 200 == reply.status


async def test_who_does_not_log_in_holds_a_connection_to_nats_for_two_seconds(servers: Servers) -> None:
    with await asyncio.to_thread(urlopen, f"{servers.nats_monitor_url}/varz") as reply:
        assert 2 == json.load(reply)["auth_timeout"]


async def test_home_and_secrets_are_their_owners_alone(servers: Servers) -> None:
    home = servers.home.path
    assert 0o700 == stat.S_IMODE(home.stat().st_mode)
    assert 0o600 == stat.S_IMODE((home / "secrets.json").stat().st_mode)
    assert 0o600 == stat.S_IMODE((home / "logs" / "postgres.log").stat().st_mode)
    assert not (home / "postgres.password").exists()
    assert not (home / "postgres.sql").exists()


@pytest.mark.parametrize("service", ["customers", "products"])
async def test_a_role_owns_its_database_and_nothing_more(servers: Servers, service: str) -> None:
    connection = await asyncpg.connect(
        {"customers": servers.urls["customers"], "products": servers.urls["products"]}[service]
    )
    try:
        await connection.execute("CREATE TABLE mine (id int)")
        await connection.execute("DROP TABLE mine")
        row = await connection.fetchrow(
            "SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls"
            " FROM pg_roles WHERE rolname = current_user"
        )
        assert row is not None
        assert [False] * 5 == list(row.values())
    finally:
        await connection.close()


@pytest.mark.parametrize("database", ["products", "postgres", "template1"])
async def test_customers_can_open_no_other_database(servers: Servers, database: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(servers.urls["customers"], database=database)


async def test_postgres_refuses_a_wrong_password(servers: Servers) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(servers.urls["customers"], password="wrong")


async def test_postgres_hashes_passwords_and_syncs_its_writes(servers: Servers) -> None:
    connection = await asyncpg.connect(
        servers.urls["customers"],
        user="postgres",
        password=servers.credentials.postgres_superuser,
        database="postgres",
    )
    try:
        assert "on" == await connection.fetchval("SHOW fsync")
        kinds = await connection.fetch("SELECT DISTINCT left(rolpassword, 13) FROM pg_authid WHERE rolcanlogin")
        assert ["SCRAM-SHA-256"] == [row[0] for row in kinds]
    finally:
        await connection.close()


async def test_mongo_user_has_transactions_in_its_database(servers: Servers) -> None:
    async with mongo_client(servers.urls["auth"]) as client:
        users = client.get_default_database().users
        async with client.start_session() as session:
            async with await session.start_transaction():
                await users.insert_one({"_id": "1"}, session=session)
            async with await session.start_transaction():
                await users.delete_one({"_id": "1"}, session=session)
                await session.abort_transaction()
        assert 1 == await users.count_documents({"_id": "1"})


@pytest.mark.parametrize("database", ["admin", "customers", "local"])
async def test_mongo_user_cannot_write_elsewhere(servers: Servers, database: str) -> None:
    async with mongo_client(servers.urls["auth"]) as client:
        with pytest.raises(OperationFailure, match="not authorized"):
            await client[database].things.insert_one({})


async def test_mongo_refuses_strangers(servers: Servers) -> None:
    async with mongo_client(f"mongodb://127.0.0.1:{servers.mongo.port}/?directConnection=true") as client:
        with pytest.raises(OperationFailure, match="requires authentication"):
            await client.auth.users.find_one()


async def test_a_home_in_use_is_refused_with_the_process_that_uses_it(servers: Servers) -> None:
    with pytest.raises(DevstackError, match=f"as process {os.getpid()}"):
        await Servers(servers.home.path).start()


@pytest.mark.parametrize("name", ["nats", "postgres", "mongo"])
async def test_a_killed_server_comes_back_on_its_port(tmp_path: Path, name: ServerName) -> None:
    async with Servers(tmp_path, only=[name]) as servers:
        before, (server,) = servers.pid(name), servers
        ports = server.ports
        await servers.kill(name)
        assert servers.pid(name) is None
        await servers.restart(name)
        assert servers.pid(name) not in {None, before}
        assert ports == server.ports


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
async def test_root_without_user_namespaces_runs_postgres_as_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbidden = tmp_path / "bin" / "unshare"
    forbidden.parent.mkdir()
    forbidden.write_text("#!/bin/sh\nexit 1\n")
    forbidden.chmod(0o755)
    async with Servers(tmp_path / "home", only=["postgres"]):
        pass
    monkeypatch.setenv("PATH", str(forbidden.parent), prepend=os.pathsep)
    async with Servers(tmp_path / "home", only=["postgres"]) as servers:
        assert "nobody" == psutil.Process(servers.pid("postgres")).username()
        connection = await asyncpg.connect(servers.urls["customers"])
        await connection.close()


@pytest.mark.parametrize(
    ("last_words", "advice"),
    [
        (
            "mongod: error while loading shared libraries: libcurl.so.4: cannot open shared object",
            "apt-get install lib",
        ),
        ("something else", "something else"),
    ],
)
async def test_a_mongod_that_cannot_run_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last_words: str, advice: str
) -> None:
    program = tmp_path / "fiftyone" / "db" / "bin" / "mongod"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho '{last_words}' >&2\nexit 127\n")
    program.chmod(0o755)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(DevstackError, match=advice):
        await Servers(tmp_path / "home", only=["mongo"]).start()


async def test_several_stand_side_by_side(tmp_path: Path) -> None:
    homes = [Servers(tmp_path / name) for name in ("one", "two", "a third, with spaces" + "/deep" * 20)]
    try:
        await asyncio.gather(*(servers.start() for servers in homes))
        ports = [port for servers in homes for server in servers for port in server.ports]
        assert len(ports) == len(set(ports))
    finally:
        await asyncio.gather(*(servers.stop_all() for servers in homes))


async def test_a_frozen_server_is_stopped_all_the_same(tmp_path: Path) -> None:
    async with Servers(tmp_path, only=["nats"]) as servers:
        pid = servers.pid("nats")
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        (node,) = servers.nats
        await node.child.stop(grace=0.1)
        assert not psutil.pid_exists(pid)


async def test_nats_refuses_who_has_no_key(servers: Servers) -> None:
    async def ignore(_: Exception) -> None:
        """Leave it to the exception that is raised."""

    client = Client()
    try:
        with pytest.raises(NatsError, match=r"(?i)authorization violation"):
            await client.connect(servers.nats_url, allow_reconnect=False, error_cb=ignore)
    finally:
        await client.close()
