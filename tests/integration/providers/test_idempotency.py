import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from importlib.resources import files

import pytest

from providers.postgres.connections import Connection
from providers.postgres.database import Database, open_database
from providers.postgres.idempotency import Keys
from providers.postgres.migrations import migrate
from tests.support.servers.schemas import fresh_schema

DAY = timedelta(hours=24)
Work = Callable[[Connection], Awaitable[bytes]]


@pytest.fixture
async def database(customers_url: str) -> AsyncIterator[Database]:
    async with fresh_schema(customers_url) as url, open_database(url, name="test") as database:
        await migrate(database, files("customers_svc") / "migrations")
        await database.fetch("CREATE TABLE done (id serial)")
        yield database


def keys(database: Database) -> Keys[Connection]:
    return Keys(database, lambda connection: connection, DAY)


async def work(connection: Connection) -> bytes:
    return b'{"id":%d}' % await connection.fetchval("INSERT INTO done DEFAULT VALUES RETURNING id")


async def count(database: Database, table: str) -> int:
    return len(await database.fetch(f"SELECT FROM {table}"))


async def age(database: Database, hours: float) -> None:
    await database.fetch("UPDATE idempotency_keys SET created_at = now() - $1::interval", timedelta(hours=hours))


async def test_work_is_done_once_and_its_reply_kept_to_the_byte(database: Database) -> None:
    def replying(reply: bytes) -> Work:
        async def reply_so(connection: Connection) -> bytes:
            await work(connection)
            return reply

        return reply_so

    odd = '{"b": "Å\\u0000", "a" : [1.50,null] }'.encode()

    first = await keys(database).keep("s", "k", b"d", replying(odd))
    again = await keys(database).keep("s", "k", b"d", replying(b"{}"))

    assert (b"d", odd) == first == again
    assert 1 == await count(database, "done")


async def test_what_was_kept_tells_its_own_digest(database: Database) -> None:
    await keys(database).keep("s", "k", b"one", work)

    assert (b"one", b'{"id":1}') == await keys(database).keep("s", "k", b"another", work)
    assert 1 == await count(database, "done")


async def test_keys_of_two_scopes_have_nothing_in_common(database: Database) -> None:
    assert (b"d", b'{"id":1}') == await keys(database).keep("one", "k", b"d", work)
    assert (b"d", b'{"id":2}') == await keys(database).keep("other", "k", b"d", work)


async def test_of_twenty_at_once_one_works_and_all_hear_of_it(database: Database) -> None:
    ours = keys(database)

    kept = await asyncio.gather(*(ours.keep("s", "k", b"d", work) for _ in range(20)))

    assert {(b"d", b'{"id":1}')} == set(kept)
    assert 1 == await count(database, "done")


async def test_work_that_fails_is_undone_with_its_key(database: Database) -> None:
    async def fail(connection: Connection) -> bytes:
        await work(connection)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await keys(database).keep("s", "k", b"d", fail)

    assert (0, 0) == (await count(database, "done"), await count(database, "idempotency_keys"))
    assert (b"other", b'{"id":2}') == await keys(database).keep("s", "k", b"other", work)


async def test_whoever_waited_for_work_that_failed_does_it(database: Database) -> None:
    begun, end = asyncio.Event(), asyncio.Event()

    async def fail(connection: Connection) -> bytes:
        begun.set()
        await end.wait()
        raise ZeroDivisionError

    failing = asyncio.create_task(keys(database).keep("s", "k", b"d", fail))
    await begun.wait()
    waiting = asyncio.create_task(keys(database).keep("s", "k", b"d", work))
    while not await database.fetch("SELECT FROM pg_locks WHERE NOT granted"):
        await asyncio.sleep(0.01)
    end.set()

    assert (b"d", b'{"id":1}') == await waiting
    with pytest.raises(ZeroDivisionError):
        await failing


async def test_a_connection_that_is_lost_leaves_neither_work_nor_key(database: Database) -> None:
    async def lose(connection: Connection) -> bytes:
        await work(connection)
        await connection.fetch("SELECT pg_terminate_backend(pg_backend_pid())")
        return b"{}"

    with pytest.raises(Exception, match="the database does not answer"):
        await keys(database).keep("s", "k", b"d", lose)

    assert (0, 0) == (await count(database, "done"), await count(database, "idempotency_keys"))


async def test_nobody_waits_for_work_that_takes_too_long(database: Database) -> None:
    begun, end = asyncio.Event(), asyncio.Event()

    async def dawdle(connection: Connection) -> bytes:
        begun.set()
        await end.wait()
        return await work(connection)

    first = asyncio.create_task(keys(database).keep("s", "k", b"d", dawdle))
    await begun.wait()

    assert await keys(database).keep("s", "k", b"d", work) is None
    end.set()
    assert (b"d", b'{"id":1}') == await first == await keys(database).keep("s", "k", b"d", work)


async def test_a_key_is_good_for_a_day(database: Database) -> None:
    await keys(database).keep("s", "k", b"one", work)
    await age(database, 23.9)
    ours = keys(database)
    assert (b"one", b'{"id":1}') == await ours.keep("s", "k", b"another", work)
    await age(database, 24.1)

    assert (b"another", b'{"id":2}') == await ours.keep("s", "k", b"another", work)
    assert (b"another", b'{"id":2}') == await ours.keep("s", "k", b"another", work)


async def test_expired_keys_are_deleted_and_the_others_stay(database: Database) -> None:
    await keys(database).keep("s", "old", b"d", work)
    await age(database, 25)
    ours = keys(database)
    await ours.keep("s", "new", b"d", work)
    assert ["new"] == [row["key"] for row in await database.fetch("SELECT key FROM idempotency_keys")]
    await age(database, 25)

    await ours.keep("s", "newer", b"d", work)

    assert 2 == await count(database, "idempotency_keys"), "at most once a minute"


async def test_more_expired_keys_than_are_deleted_at_once_go_with_the_next_writes(database: Database) -> None:
    many = "INSERT INTO idempotency_keys (scope, key, digest) SELECT 's', n::text, '' FROM generate_series(1, 2500) n"
    await database.fetch(many)
    await age(database, 25)
    ours = keys(database)

    left = []
    for n in range(3):
        await ours.keep("new", str(n), b"d", work)
        left.append(len(await database.fetch("SELECT FROM idempotency_keys WHERE scope = 's'")))

    assert [1500, 500, 0] == left
