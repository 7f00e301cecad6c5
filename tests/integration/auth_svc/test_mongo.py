import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr
from pymongo.errors import PyMongoError
from pymongo.write_concern import WriteConcern

from providers.errors import DatabaseRefused, DatabaseUnavailable
from providers.mongo.database import Database, bounded, is_outage, open_database


async def test_writes_wait_for_a_majority_and_its_journal(any_database: Database) -> None:
    assert WriteConcern(w="majority", j=True) == any_database.write_concern


async def test_the_database_is_the_one_of_the_url(any_database: Database, auth_url: str) -> None:
    assert urlsplit(auth_url).path.strip("/") == any_database.name


async def test_a_wrong_password_is_not_tried_again_and_not_shown(auth_url: str) -> None:
    password = urlsplit(auth_url).password or ""
    async with asyncio.timeout(10):  # the patience is 30 s
        with pytest.raises(DatabaseRefused, match=r"127\.0\.0\.1:\d+: Authentication failed") as refusal:
            await opened(auth_url.replace(password, "wrong-password"))
    assert "wrong-password" not in str(refusal.value)


async def test_a_url_without_a_user_is_refused_at_once(auth_url: str) -> None:
    parts = urlsplit(auth_url)
    anonymous = f"mongodb://{parts.hostname}:{parts.port}/auth?directConnection=true"
    async with asyncio.timeout(10):
        with pytest.raises(DatabaseRefused, match="requires authentication"):
            await opened(anonymous)


async def test_a_server_that_never_comes_is_given_up() -> None:
    with pytest.raises(DatabaseUnavailable, match=r"database auth at 127\.0\.0\.1:1: ") as refusal:
        await opened("mongodb://auth:s3cret@127.0.0.1:1", timeout=0.05, connect_timeout=0.3)
    assert "s3cret" not in str(refusal.value)


@pytest.mark.parametrize("url", ["mongodb://auth:s3c@ret@db.test", "mongodb://auth:s3cret@db.test:99999999"])
async def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(DatabaseRefused) as refusal:
        await opened(url, timeout=0.05, connect_timeout=0.1)
    assert "s3c" not in str(refusal.value)


async def opened(url: str, timeout: float = 2, connect_timeout: float = 30) -> None:
    async with open_database(SecretStr(url), default_name="auth", timeout=timeout, connect_timeout=connect_timeout):
        pass


@pytest.mark.parametrize(("seconds", "expected"), [(60, 3), (0.2, 0.2), (0, 0), (-1, 0)])
async def test_an_operation_ends_by_the_deadline(any_database: Database, seconds: float, expected: float) -> None:
    async with slow(any_database) as query:
        began = time.monotonic()
        with pytest.raises(PyMongoError) as ended, bounded(seconds):
            await query()
        assert is_outage(ended.value)
        assert expected - 0.1 < time.monotonic() - began < expected + 3


@asynccontextmanager
async def slow(database: Database) -> AsyncIterator[Callable[[], Awaitable[object]]]:
    """A query that takes for ever."""
    collection = database["users"]
    await collection.insert_one({"_id": "slow", "email": "slow"})
    yield lambda: collection.find_one({"$where": "while (true) {}"})
    await collection.delete_one({"_id": "slow"})
