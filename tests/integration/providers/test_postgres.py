import asyncio
import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import pytest
from pydantic import SecretStr

from devstack.servers.ports import free_ports
from providers.errors import DatabaseRefused, DatabaseUnavailable
from providers.postgres.connections import lost
from providers.postgres.database import Database, open_database
from providers.terms import Terms
from tests.support.waiting import until


@pytest.fixture
async def database(customers_url: str) -> AsyncIterator[Database]:
    async with open_database(SecretStr(customers_url), name="test", size=2) as database:
        yield database


async def test_rows_come_back(database: Database) -> None:
    assert [1, 2] == [row["n"] for row in await database.fetch("SELECT n FROM generate_series(1, $1) n", 2)]
    assert await database.fetchrow("SELECT 1 WHERE false") is None


async def test_a_session_has_a_name_and_limits_of_its_own(database: Database) -> None:
    names = ["application_name", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "timezone"]

    rows = await database.fetch("SELECT current_setting(name) AS value FROM unnest($1::text[]) name", names)

    assert ["test", "3s", "2s", "10s", "UTC"] == [row["value"] for row in rows]


async def test_an_exception_undoes_a_transaction(database: Database) -> None:
    async def fail() -> None:
        async with database.transaction() as connection:
            await connection.execute("CREATE TABLE undone (id integer)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert await database.fetchrow("SELECT FROM pg_tables WHERE tablename = 'undone'") is None


async def test_a_connection_that_breaks_is_trouble_with_the_database(database: Database) -> None:
    with pytest.raises(DatabaseUnavailable, match="the database does not answer"):
        await database.fetch("SELECT pg_terminate_backend(pg_backend_pid())")

    assert await database.fetchrow("SELECT 1") is not None


async def test_a_connection_that_breaks_within_a_transaction_is_trouble_with_the_database(database: Database) -> None:
    async def lose() -> None:
        async with database.transaction() as connection:
            await connection.fetch("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(DatabaseUnavailable):
        await lose()


async def test_a_transaction_whose_connection_broke_unnoticed_is_trouble_with_the_database(database: Database) -> None:
    async def lose() -> None:
        async with database.transaction() as connection:
            await database.fetch(f"SELECT pg_terminate_backend({connection.get_server_pid()})")
            await until(lambda: lost(connection))

    with pytest.raises(DatabaseUnavailable):
        await lose()


async def test_a_connection_that_was_lost_while_idle_does_no_harm(database: Database) -> None:
    async with database.transaction() as first:
        idle = await database.fetch(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'test' AND pid <> $1", first.get_server_pid()
        )
        await first.execute(f"SELECT pg_terminate_backend({idle[0]['pid']})")
        await asyncio.sleep(0.1)

    assert [1, 1, 1] == [1 for _ in range(3) if await database.fetchrow("SELECT 1")]


async def test_a_statement_has_three_seconds(database: Database) -> None:
    started = time.monotonic()

    with pytest.raises(DatabaseUnavailable):
        await database.fetch("SELECT pg_sleep(20)")

    assert 2.9 < time.monotonic() - started < 10


async def test_a_pool_without_a_free_connection_is_trouble_with_the_database(database: Database) -> None:
    async with database.transaction(), database.transaction():
        started = time.monotonic()
        with pytest.raises(DatabaseUnavailable):
            await database.fetch("SELECT 1")

    assert 0.9 < time.monotonic() - started < 2.9


async def test_a_mistake_in_a_statement_is_no_trouble_with_the_database(database: Database) -> None:
    with pytest.raises(asyncpg.PostgresSyntaxError):
        await database.fetch("SELEKT 1")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await database.fetch("SELECT 1 / 0")
    with pytest.raises(asyncpg.InterfaceError):
        await database.fetch("SELECT 1", "one value too many")


async def test_a_process_hears_of_trouble_in_its_own_terms(customers_url: str) -> None:
    async with open_database(SecretStr(customers_url), name="test", terms=Terms(unavailable=LookupError)) as database:
        with pytest.raises(LookupError):
            await database.fetch("SELECT pg_terminate_backend(pg_backend_pid())")


async def test_a_wrong_password_fails_at_once_and_is_not_shown(customers_url: str) -> None:
    parts = urlsplit(customers_url)
    url = parts._replace(netloc=f"{parts.username}:not-the-one@{parts.hostname}:{parts.port}").geturl()
    started = time.monotonic()

    with pytest.raises(DatabaseRefused) as refused:
        async with open_database(SecretStr(url), name="test"):
            pass

    assert time.monotonic() - started < 5
    assert f"database {parts.path[1:]} at {parts.hostname}:{parts.port}" in str(refused.value)
    assert "not-the-one" not in str(refused.value)


async def test_a_database_that_is_not_there_fails_at_once(customers_url: str) -> None:
    url = urlsplit(customers_url)._replace(path="/nowhere").geturl()

    with pytest.raises(DatabaseRefused, match="database nowhere at"):
        async with open_database(SecretStr(url), name="test"):
            pass


async def test_a_server_that_does_not_come_is_waited_for_in_bounds() -> None:
    (port,) = free_ports(1)
    started = time.monotonic()

    with pytest.raises(DatabaseUnavailable, match=f"database nowhere at 127.0.0.1:{port}"):
        async with open_database(
            SecretStr(f"postgresql://u:word@127.0.0.1:{port}/nowhere"), name="test", connect_timeout=1
        ):
            pass

    assert time.monotonic() - started < 10
