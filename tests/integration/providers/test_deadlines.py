"""What becomes of a statement whose caller has a deadline."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from devstack.servers.all import Servers
from providers.errors import DatabaseTimedOut, DatabaseUnavailable
from providers.postgres.database import Database, open_database
from providers.terms import Terms
from tests.support.servers.frozen import frozen


@dataclass
class Deadline:
    """When what a test does must end."""

    at: float | None = None

    def remaining(self) -> float | None:
        return None if self.at is None else self.at - time.monotonic()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        self.at = time.monotonic() + seconds
        yield
        self.at = None


@pytest.fixture
def deadline() -> Deadline:
    return Deadline()


@pytest.fixture
async def database(customers_url: str, deadline: Deadline) -> AsyncIterator[Database]:
    """A pool of one connection, so that every statement shows what the one before has left."""
    terms = Terms(remaining=deadline.remaining)
    async with open_database(SecretStr(customers_url), name="deadlines", size=1, terms=terms) as database:
        yield database


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[Servers]:
    """A PostgreSQL of this test's own, to be frozen."""
    async with Servers(tmp_path / "home", only=["postgres"]) as servers:
        yield servers


async def limit(database: Database) -> str:
    row = await database.fetchrow("SELECT current_setting('statement_timeout') AS value, pg_backend_pid() AS pid")
    assert row is not None
    return str(row["value"])


async def backend(database: Database) -> int:
    row = await database.fetchrow("SELECT pg_backend_pid() AS pid")
    assert row is not None
    return int(row["pid"])


async def test_the_server_learns_the_deadline_in_steps_and_never_too_early(
    database: Database, deadline: Deadline
) -> None:
    assert "3s" == await limit(database)
    for seconds, expected in ((60, "3s"), (2.95, "3s"), (1.6, "1750ms"), (1.5, "1500ms"), (0.2, "250ms")):
        with deadline.within(seconds):
            assert expected == await limit(database)
    assert "3s" == await limit(database)


async def test_a_deadline_far_enough_costs_no_round_trip(database: Database, deadline: Deadline) -> None:
    async def statements() -> int:
        async with database.transaction() as connection:
            return int(connection._con._protocol.queries_count)  # type: ignore[attr-defined]  # noqa: SLF001  # asyncpg counts them inside alone

    before = await statements()
    with deadline.within(60):
        usual = await statements() - before
    with deadline.within(1.4):
        changed = await statements() - before - usual
        same = await statements() - before - usual - changed

    assert (usual, usual + 1, usual) == (2, changed, same)


async def test_a_statement_that_the_deadline_ends_leaves_its_connection_usable(
    database: Database, deadline: Deadline
) -> None:
    pid = await backend(database)

    for _ in range(3):
        with deadline.within(0.1):
            began = time.monotonic()
            with pytest.raises(DatabaseTimedOut, match="the deadline passed"):
                await database.fetch("SELECT pg_sleep(20)")
            assert time.monotonic() - began < 10

    assert pid == await backend(database)


async def test_a_deadline_that_has_passed_ends_at_once(database: Database, deadline: Deadline) -> None:
    with deadline.within(-1), pytest.raises(DatabaseTimedOut):
        await database.fetch("SELECT pg_sleep(20)")

    assert "3s" == await limit(database)


async def test_waiting_for_a_connection_ends_with_the_deadline(database: Database, deadline: Deadline) -> None:
    async with database.transaction():
        began = time.monotonic()
        with deadline.within(0.1), pytest.raises(DatabaseTimedOut):
            await database.fetch("SELECT 1")
        assert time.monotonic() - began < 2


async def test_a_transaction_that_the_deadline_ends_is_undone(database: Database, deadline: Deadline) -> None:
    async def write() -> None:
        async with database.transaction() as connection:
            await connection.execute("CREATE TABLE undone (id integer)")
            await connection.execute("SELECT pg_sleep(20)")

    with deadline.within(0.2), pytest.raises(DatabaseTimedOut):
        await write()

    assert await database.fetchrow("SELECT FROM pg_tables WHERE tablename = 'undone'") is None


@pytest.mark.parametrize("statement", ["SELECT pg_sleep(20)", "SELECT 1"])
async def test_a_handler_that_is_cancelled_in_a_transaction_ends_as_cancelled(
    database: Database, statement: str
) -> None:
    within = asyncio.Event()

    async def write() -> None:
        async with database.transaction() as connection:
            within.set()
            await connection.execute(statement)
            await asyncio.sleep(20)

    writing = asyncio.create_task(write())
    await within.wait()
    writing.cancel()

    with pytest.raises(asyncio.CancelledError):
        await writing
    assert "3s" == await limit(database)


async def test_a_statement_waits_longer_than_a_second_while_others_are_served(database: Database) -> None:
    await database.fetch("SELECT 1")  # the connection is open

    served = await asyncio.gather(*(database.fetch("SELECT pg_sleep(0.35)") for _ in range(5)))

    assert 5 == len(served)


async def test_a_busy_pool_is_no_reason_to_call_the_database_gone(database: Database) -> None:
    async with database.transaction():
        await database.probe()


async def test_a_frozen_server_holds_up_nothing(servers: Servers) -> None:
    deadline = Deadline()
    terms = Terms(remaining=deadline.remaining)

    async def in_transaction(database: Database, inside: asyncio.Event) -> None:
        async with database.transaction() as connection:
            inside.set()
            while True:
                await connection.execute("SELECT pg_sleep(0.01)")

    async with open_database(SecretStr(servers.urls["customers"]), name="test", size=3, terms=terms) as database:
        await asyncio.gather(*(database.fetch("SELECT pg_sleep(0.05)") for _ in range(2)))
        deadline.at = time.monotonic() + 0.5
        writing = asyncio.create_task(in_transaction(database, inside := asyncio.Event()))
        await inside.wait()
        began = time.monotonic()
        with frozen(servers, "postgres"):
            ended = await asyncio.gather(
                writing, *(database.fetch("SELECT 1") for _ in range(5)), return_exceptions=True
            )
            took = time.monotonic() - began
            with pytest.raises(DatabaseUnavailable, match="TimeoutError"):
                await database.probe()
        deadline.at = None
        assert {DatabaseTimedOut} == {type(error) for error in ended}
        assert took < 2
        began = time.monotonic()
        await database.probe()
        assert await database.fetchrow("SELECT 1") is not None
        assert time.monotonic() - began < 3


async def test_a_frozen_server_does_not_hold_up_the_end(servers: Servers) -> None:
    async with AsyncExitStack() as resources:
        database = await resources.enter_async_context(open_database(SecretStr(servers.urls["customers"]), name="test"))
        await database.probe()
        with frozen(servers, "postgres"):
            began = time.monotonic()
            await resources.aclose()
            assert time.monotonic() - began < 3
