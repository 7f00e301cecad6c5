"""What MongoDB refuses in one state or another: told as the database's state, and over once that has passed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr
from pymongo import AsyncMongoClient
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

from auth_svc.repository import Attempt, Limit, Throttles, Users
from devstack.home.credentials import load_credentials
from devstack.home.home import open_home
from devstack.processes.child import Command
from devstack.servers.mongo import Mongo
from mesh.core.errors import Code, Unavailable
from providers.mongo.database import Database, open_database
from providers.mongo.errors import STATES

_NEWER = {462}  # than mongod 6.0
Client = AsyncMongoClient[dict[str, Any]]


class FailingMongo(Mongo):
    """mongod that fails when it is told to."""

    def command(self) -> Command:
        command = super().command()
        return replace(command, argv=(*command.argv, "--setParameter", "enableTestCommands=1"))


@pytest.fixture(scope="module")
async def mongo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mongo]:
    home = await open_home(tmp_path_factory.mktemp("states"))
    mongo = FailingMongo(home, load_credentials(home.path))
    await mongo.start()
    yield mongo
    await mongo.child.stop()
    home.close()


@pytest.fixture(scope="module")
async def operator(mongo: Mongo) -> AsyncIterator[Client]:
    password = mongo.credentials.mongo_admin
    async with AsyncMongoClient[dict[str, Any]](
        "127.0.0.1", mongo.port, username="admin", password=password, directConnection=True, heartbeatFrequencyMS=500
    ) as operator:
        yield operator


@pytest.fixture(scope="module")
async def database(mongo: Mongo) -> AsyncIterator[Database]:
    async with open_database(
        SecretStr(f"{mongo.urls['auth']}&heartbeatFrequencyMS=500"), default_name="auth", timeout=1
    ) as database:
        yield database


@pytest.fixture
async def users(database: Database) -> Users:
    users = Users(database)
    await again(lambda: database["users"].delete_many({}))
    return users


async def again(ask: Callable[[], Awaitable[object]]) -> None:
    """Ask until it works: the driver may still have to find out that the server serves."""
    while True:
        with suppress(Unavailable, ConnectionFailure):
            await ask()
            return


@asynccontextmanager
async def failing(operator: Client, *commands: str, **how: object) -> AsyncIterator[None]:
    """Have these commands fail, for everybody."""
    data = {"failCommands": commands, **how}
    await operator.admin.command("configureFailPoint", "failCommand", mode="alwaysOn", data=data)
    try:
        yield
    finally:
        await operator.admin.command("configureFailPoint", "failCommand", mode="off")


@pytest.mark.parametrize("code", sorted(STATES.keys() - _NEWER))
async def test_a_state_of_the_database_is_told_as_that(users: Users, operator: Client, code: int) -> None:
    async with failing(operator, "find", "insert", errorCode=code):
        asked = users.find("u1"), users.create("anna@mesh.test", "hash", "USER")
        told = await asyncio.gather(*asked, return_exceptions=True)
    reason = "database_read_only" if code == 371 else "database_unavailable"
    assert [(Code.OVERLOADED, reason)] * 2 == [
        (one.code, one.reason) if isinstance(one, Unavailable) else one for one in told
    ]
    await again(lambda: users.create("anna@mesh.test", "hash", "USER"))


@pytest.mark.parametrize("code", sorted(STATES.keys() - _NEWER))
async def test_a_code_has_the_servers_own_name(operator: Client, code: int) -> None:
    async with failing(operator, "ping", errorCode=code):
        with pytest.raises(PyMongoError, match="failCommand") as refusal:
            await operator.admin.command("ping")
    details = getattr(refusal.value, "details", None) or {}
    assert details["codeName"] in {STATES[code], f"Location{code}"}


@pytest.mark.parametrize(("code", "name"), [(2, "BadValue"), (9, "FailedToParse"), (59, "CommandNotFound")])
async def test_a_mistake_of_ours_goes_on_as_what_it_is(users: Users, operator: Client, code: int, name: str) -> None:
    async with failing(operator, "find", errorCode=code):
        with pytest.raises(OperationFailure) as refusal:
            await users.find("u1")
    assert name == (refusal.value.details or {})["codeName"]


async def test_what_the_server_calls_retryable_is_its_state_whatever_the_code(users: Users, operator: Client) -> None:
    async with failing(operator, "insert", errorCode=2, errorLabels=["RetryableWriteError"]):
        with pytest.raises(Unavailable):
            await users.create("anna@mesh.test", "hash", "USER")


async def test_connections_that_the_server_closes_are_its_state(users: Users, operator: Client) -> None:
    async with failing(operator, "find", "insert", closeConnection=True):
        with pytest.raises(Unavailable):
            await users.find("u1")
        with pytest.raises(Unavailable):
            await users.create("anna@mesh.test", "hash", "USER")
    await again(lambda: users.create("anna@mesh.test", "hash", "USER"))


async def test_a_write_that_nobody_else_confirms_is_the_databases_state(users: Users, operator: Client) -> None:
    concern = {"code": 100, "codeName": "UnsatisfiableWriteConcern", "errmsg": "not enough members"}
    async with failing(operator, "insert", writeConcernError=concern):
        with pytest.raises(Unavailable):
            await users.create("anna@mesh.test", "hash", "USER")


async def test_a_part_of_a_bulk_that_is_not_confirmed_is_the_databases_state(
    database: Database, operator: Client
) -> None:
    concern = {"code": 64, "codeName": "WriteConcernFailed", "errmsg": "waiting for replication timed out"}
    async with failing(operator, "update", writeConcernError=concern):
        with pytest.raises(Unavailable):
            await Throttles(database).take_back([Attempt(Limit("account:a", 5, 60))])


async def test_a_right_that_is_taken_away_is_the_databases_state(users: Users, operator: Client) -> None:
    await operator["auth"].command("updateUser", "auth", roles=[{"role": "read", "db": "auth"}])
    try:
        assert await users.find("u1") is None
        with pytest.raises(Unavailable) as refusal:
            await users.create("anna@mesh.test", "hash", "USER")
        assert "the database cannot do this at the moment" == refusal.value.detail
    finally:
        await operator["auth"].command("updateUser", "auth", roles=[{"role": "readWrite", "db": "auth"}])
    assert await users.create("anna@mesh.test", "hash", "USER")


async def test_writes_that_an_administrator_blocks_are_told_as_that(users: Users, operator: Client) -> None:
    await operator.admin.command({"setUserWriteBlockMode": 1, "global": True})
    try:
        with pytest.raises(Unavailable) as refusal:
            await users.create("anna@mesh.test", "hash", "USER")
        assert "database_read_only" == refusal.value.reason
        assert await users.find("u1") is None
    finally:
        await operator.admin.command({"setUserWriteBlockMode": 1, "global": False})
    assert await users.create("anna@mesh.test", "hash", "USER")
