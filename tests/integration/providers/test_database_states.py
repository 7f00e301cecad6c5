"""What PostgreSQL refuses in one state or another: told as the database's state, and over once that has passed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import asyncpg
import pytest
from pydantic import SecretStr

from devstack.servers.all import Servers
from providers.errors import Blame, DatabaseReadOnly, DatabaseUnavailable
from providers.postgres.database import Database, open_database
from providers.postgres.sqlstates import CLASSES, CODES
from tests.support.sqlstates import KNOWN

_NO_ERROR = {"00", "01", "02"}  # PostgreSQL raises none of these classes as an error
RAISED = [code for code in sorted({*CODES, *KNOWN, *(f"{each}000" for each in CLASSES)}) if code[:2] not in _NO_ERROR]
_RAISE = """
    CREATE OR REPLACE FUNCTION pg_temp.fail(code text) RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION USING ERRCODE = code, MESSAGE = 'told by the server'; END $$
"""
_SORT = "SELECT n, repeat('x', 100) FROM generate_series(1, 100000) n ORDER BY n % 7, n"


@pytest.fixture(scope="module")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """A PostgreSQL of these tests' own, to be set and reset."""
    async with Servers(tmp_path_factory.mktemp("states"), only=["postgres"]) as servers:
        yield servers


@pytest.fixture
async def operator(servers: Servers) -> AsyncIterator[asyncpg.Connection]:
    """The superuser, in the service's database."""
    password, port = servers.credentials.postgres_superuser, servers.postgres.port
    connection = await asyncpg.connect(f"postgresql://postgres:{password}@127.0.0.1:{port}/customers")
    yield connection
    await connection.close()


@pytest.fixture
async def database(servers: Servers, operator: asyncpg.Connection) -> AsyncIterator[Database]:
    """A pool of two, with a table `things` of one row."""
    async with open_database(SecretStr(servers.urls["customers"]), name="test", size=2) as database:
        await database.fetch("CREATE TABLE things (id integer PRIMARY KEY, name text)")
        await database.fetch("INSERT INTO things VALUES (1, 'one')")
        yield database
        await operator.execute("DROP TABLE IF EXISTS things")


async def write(database: Database) -> None:
    await database.fetch("UPDATE things SET name = name WHERE id = 1")


async def until_refused(ask: Callable[[], Awaitable[object]], why: type[asyncpg.PostgresError]) -> None:
    """Ask until the server refuses for that reason; before that, its sessions may just be ending."""
    while True:
        try:
            await ask()
        except DatabaseUnavailable as error:
            if isinstance(error.__cause__, why):
                return
        await asyncio.sleep(0.01)


async def until(succeeds: Callable[[], Awaitable[object]]) -> None:
    while True:
        with suppress(DatabaseUnavailable):
            await succeeds()
            return
        await asyncio.sleep(0.01)


async def test_each_class_of_errors_is_the_databases_state_or_goes_on_as_what_it_is(database: Database) -> None:
    told: dict[str, set[str]] = {"unavailable": set(), "as it is": set()}
    for sqlstate in RAISED:
        try:
            async with database.transaction() as connection:
                await connection.execute(_RAISE)
                await connection.fetch("SELECT pg_temp.fail($1)", sqlstate)
        except DatabaseUnavailable:
            told["unavailable"].add(sqlstate)
        except asyncpg.PostgresError as error:
            told["as it is"].add(error.sqlstate or "")
    states = {code for code in RAISED if (CODES.get(code) or CLASSES[code[:2]]) is Blame.DATABASE}
    assert (states, {*RAISED} - states) == (told["unavailable"], told["as it is"])
    assert await database.fetchrow("SELECT 1") is not None


async def read_only_system(operator: asyncpg.Connection, value: str) -> None:
    await operator.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
    await operator.execute("SELECT pg_reload_conf()")


async def read_only_database(operator: asyncpg.Connection, value: str) -> None:
    """New sessions learn of it alone: those of the pool must go."""
    await operator.execute(f"ALTER DATABASE customers SET default_transaction_read_only = {value}")
    if value == "on":
        await end_sessions(operator)


async def end_sessions(operator: asyncpg.Connection) -> None:
    await operator.fetch("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'test%'")


@pytest.mark.parametrize("switch", [read_only_system, read_only_database])
async def test_a_database_that_takes_no_writes_says_so_and_reads_go_on(
    database: Database, operator: asyncpg.Connection, switch: Callable[[asyncpg.Connection, str], Awaitable[None]]
) -> None:
    await operator.execute("SET default_transaction_read_only = off")
    await switch(operator, "on")
    try:
        await until_refused(lambda: write(database), asyncpg.ReadOnlySQLTransactionError)
        assert await database.fetchrow("SELECT FROM things") is not None
        with pytest.raises(DatabaseReadOnly):
            async with database.transaction() as connection:
                await connection.execute("INSERT INTO things VALUES (2, 'two')")

        async def probed() -> None:
            assert "the database is read-only" == await database.probe()

        await until(probed)
    finally:
        await switch(operator, "off")
    await until(lambda: write(database))
    await asyncio.gather(*(until(lambda: write(database)) for _ in range(10)))
    while await database.probe():
        await asyncio.sleep(0.01)


async def test_a_right_that_is_taken_away_is_the_databases_state(database: Database) -> None:
    await database.fetch("REVOKE UPDATE ON things FROM CURRENT_USER")
    with pytest.raises(DatabaseUnavailable, match="cannot do this at the moment"):
        await write(database)
    await database.fetch("GRANT UPDATE ON things TO CURRENT_USER")
    await write(database)


@pytest.mark.parametrize(
    ("change", "undo"),
    [
        ("ALTER TABLE things RENAME COLUMN name TO title", "ALTER TABLE things RENAME COLUMN title TO name"),
        ("ALTER TABLE things RENAME TO others", "ALTER TABLE others RENAME TO things"),
    ],
)
async def test_a_table_that_somebody_changed_is_the_databases_state(
    database: Database, operator: asyncpg.Connection, change: str, undo: str
) -> None:
    await write(database)  # so that the statement is prepared
    await operator.execute(change)
    with pytest.raises(DatabaseUnavailable, match="cannot do this at the moment"):
        await write(database)
    await operator.execute(undo)
    await write(database)


@pytest.mark.parametrize("type_", ["integer", "bytea", "timestamptz", "text[]", "double precision"])
async def test_a_column_that_has_another_type_since_is_the_databases_state(
    database: Database, operator: asyncpg.Connection, type_: str
) -> None:
    async def name_it() -> None:
        await database.fetch("UPDATE things SET name = $1 WHERE id = 1", "a")

    await name_it()
    await operator.execute(f"ALTER TABLE things ALTER COLUMN name TYPE {type_} USING NULL")
    for _ in range(2):
        with pytest.raises(DatabaseUnavailable, match="cannot do this at the moment"):
            await name_it()
    await operator.execute("ALTER TABLE things ALTER COLUMN name TYPE text USING 'a'")
    await name_it()


async def test_a_value_that_the_driver_cannot_send_leaves_no_lock(
    database: Database, operator: asyncpg.Connection
) -> None:
    with pytest.raises(asyncpg.DataError):
        await database.fetch("UPDATE things SET name = 'a' WHERE id = $1", 2**40)
    await operator.execute("SET lock_timeout = '5s'")
    await operator.execute("ALTER TABLE things ADD COLUMN more integer")


@pytest.mark.parametrize(
    "change",
    ["ALTER TABLE things ADD COLUMN more integer", "ALTER TABLE things ALTER COLUMN name TYPE varchar(80)"],
)
async def test_statements_of_before_a_change_of_the_table_are_prepared_anew(
    database: Database, operator: asyncpg.Connection, change: str
) -> None:
    async def in_transaction() -> None:
        async with database.transaction() as connection:
            await connection.fetch("SELECT * FROM things")

    async with database.transaction() as first, database.transaction() as second:
        for connection in (first, second):
            await connection.fetch("SELECT * FROM things")
    await operator.execute(change)
    with pytest.raises(DatabaseUnavailable):
        await in_transaction()
    for _ in range(4):
        await in_transaction()
        assert await database.fetchrow("SELECT * FROM things") is not None


async def test_a_table_that_is_locked_is_the_databases_state(database: Database, operator: asyncpg.Connection) -> None:
    async with operator.transaction():
        await operator.execute("LOCK TABLE things")
        with pytest.raises(DatabaseUnavailable, match="cannot do this at the moment"):
            await write(database)
    await write(database)


async def test_of_two_transactions_in_a_deadlock_one_goes_on(database: Database) -> None:
    await database.fetch("INSERT INTO things VALUES (2, 'two')")
    met = asyncio.Barrier(2)

    async def change(first: int, second: int) -> None:
        async with database.transaction() as connection:
            await connection.execute("UPDATE things SET name = name WHERE id = $1", first)
            await met.wait()
            await connection.execute("UPDATE things SET name = name WHERE id = $1", second)

    ended = await asyncio.gather(change(1, 2), change(2, 1), return_exceptions=True)

    assert [None, DatabaseUnavailable] == sorted(
        (None if one is None else type(one) for one in ended), key=lambda kind: kind is not None
    )


async def test_a_transaction_that_cannot_be_serialized_is_the_databases_state(database: Database) -> None:
    async def late() -> None:
        async with database.transaction() as connection:
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            await connection.fetch("SELECT FROM things")
            await database.fetch("UPDATE things SET name = 'other'")
            await connection.execute("UPDATE things SET name = 'mine'")

    with pytest.raises(DatabaseUnavailable, match="cannot do this at the moment"):
        await late()


async def test_no_room_on_the_disk_is_the_databases_state(database: Database, operator: asyncpg.Connection) -> None:
    await operator.execute("ALTER ROLE customers SET temp_file_limit = '64kB'")
    await operator.execute("ALTER ROLE customers SET work_mem = '64kB'")
    try:
        await end_sessions(operator)

        await until_refused(lambda: database.fetch(_SORT), asyncpg.ConfigurationLimitExceededError)
    finally:
        await operator.execute("ALTER ROLE customers RESET temp_file_limit")
        await operator.execute("ALTER ROLE customers RESET work_mem")
    assert await database.fetchrow("SELECT 1") is not None


async def test_more_connections_than_the_server_takes_are_the_databases_state(
    database: Database, operator: asyncpg.Connection
) -> None:
    await operator.execute("ALTER ROLE customers CONNECTION LIMIT 0")
    try:
        await end_sessions(operator)

        await until_refused(lambda: write(database), asyncpg.TooManyConnectionsError)
    finally:
        await operator.execute("ALTER ROLE customers CONNECTION LIMIT -1")
    await until(lambda: write(database))


async def test_a_role_that_may_no_longer_log_in_is_the_databases_state(
    database: Database, operator: asyncpg.Connection
) -> None:
    await operator.execute("ALTER ROLE customers NOLOGIN")
    try:
        await end_sessions(operator)

        await until_refused(lambda: write(database), asyncpg.InvalidAuthorizationSpecificationError)
    finally:
        await operator.execute("ALTER ROLE customers LOGIN")
    await until(lambda: write(database))
