import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from providers.errors import MigrationError
from providers.postgres.connections import Connection
from providers.postgres.database import Database, open_database
from providers.postgres.migrations import Seed, migrate
from tests.support.servers.schemas import fresh_schema


@pytest.fixture
async def url(customers_url: str) -> AsyncIterator[SecretStr]:
    async with fresh_schema(customers_url) as url:
        yield url


@pytest.fixture
async def database(url: SecretStr) -> AsyncIterator[Database]:
    async with open_database(url, name="test") as database:
        yield database


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0001_things.sql").write_text("CREATE TABLE things (id integer); CREATE TABLE others (id integer)")
    (tmp_path / "0002_name.sql").write_text("ALTER TABLE things ADD COLUMN name text")
    (tmp_path / "README.md").write_text("not a migration")
    return tmp_path


async def one_thing(connection: Connection) -> None:
    await connection.execute("INSERT INTO things VALUES (1, 'one')")


async def things(database: Database) -> list[str]:
    return [row["name"] for row in await database.fetch("SELECT name FROM things ORDER BY id")]


async def applied(database: Database) -> list[str]:
    return [row["name"] for row in await database.fetch("SELECT name FROM schema_migrations ORDER BY name")]


async def test_files_are_applied_in_order_then_the_seed(database: Database, folder: Path) -> None:
    await migrate(database, folder, one_thing)

    assert ["one"] == await things(database)
    assert ["0001_things.sql", "0002_name.sql", "seed"] == await applied(database)


async def test_running_again_changes_nothing(database: Database, folder: Path) -> None:
    await migrate(database, folder, one_thing)

    await migrate(database, folder, one_thing)

    assert ["one"] == await things(database)


async def test_a_new_file_is_applied_to_what_is_there(database: Database, folder: Path) -> None:
    await migrate(database, folder, one_thing)
    (folder / "0003_more.sql").write_text("UPDATE things SET name = name || ' more'")

    await migrate(database, folder, one_thing)

    assert ["one more"] == await things(database)


async def test_a_removed_row_of_the_seed_does_not_come_back(database: Database, folder: Path) -> None:
    await migrate(database, folder, one_thing)
    await database.fetch("DELETE FROM things")

    await migrate(database, folder, one_thing)

    assert [] == await things(database)


async def test_a_database_without_the_seed_gets_it_once_it_is_asked_for(database: Database, folder: Path) -> None:
    await migrate(database, folder)

    await migrate(database, folder, one_thing)

    assert ["one"] == await things(database)


@pytest.mark.parametrize("seed", [None, one_thing])
async def test_of_many_who_start_at_once_one_migrates(url: SecretStr, folder: Path, seed: Seed | None) -> None:
    async def start() -> None:
        async with open_database(url, name="test") as database:
            await migrate(database, folder, seed)

    (folder / "0003_slow.sql").write_text("SELECT pg_sleep(0.3)")

    await asyncio.gather(*(start() for _ in range(5)))

    async with open_database(url, name="test") as database:
        assert (["one"] if seed else []) == await things(database)


async def test_a_file_that_was_changed_since_is_an_error(database: Database, folder: Path) -> None:
    await migrate(database, folder)
    (folder / "0001_things.sql").write_text("CREATE TABLE things (id bigint)")

    with pytest.raises(MigrationError, match=r"0001_things\.sql was changed after it was applied"):
        await migrate(database, folder)


async def test_a_database_that_is_ahead_of_this_version_is_an_error(database: Database, folder: Path) -> None:
    await migrate(database, folder)
    (folder / "0002_name.sql").unlink()

    with pytest.raises(MigrationError, match=r"the database has 0002_name\.sql, which this version does not know"):
        await migrate(database, folder)


async def test_a_migration_that_fails_leaves_nothing_behind(database: Database, folder: Path) -> None:
    (folder / "0003_broken.sql").write_text("CREATE TABLE third (id integer); SELECT nonsense")

    with pytest.raises(MigrationError, match=r'0003_broken\.sql: column "nonsense" does not exist'):
        await migrate(database, folder, one_thing)

    assert [] == await database.fetch("SELECT FROM pg_tables WHERE schemaname = current_schema()")


async def test_a_cached_statement_outlives_a_change_of_the_schema(database: Database, folder: Path) -> None:
    await migrate(database, folder, one_thing)
    before = await database.fetchrow("SELECT * FROM things")
    (folder / "0003_wider.sql").write_text("ALTER TABLE things ADD COLUMN size integer DEFAULT 3")

    await migrate(database, folder)

    after = await database.fetchrow("SELECT * FROM things")
    assert before is not None
    assert after is not None
    assert {**before, "size": 3} == dict(after)
