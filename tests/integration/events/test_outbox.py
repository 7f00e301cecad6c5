"""The outbox and the inbox on a real PostgreSQL."""

import asyncio
from datetime import timedelta
from importlib.resources import files
from uuid import uuid4

import pytest

from providers.errors import DatabaseUnavailable
from providers.postgres.database import Database
from providers.postgres.inbox import PostgresInbox
from providers.postgres.migrations import migrate
from providers.postgres.outbox import Entry, PostgresOutbox
from providers.postgres.outbox import write as write_entry
from tests.support.events.on_servers import Effects, numbers, write
from tests.support.events.sample_events import HAPPENED, Happened
from worker.postgres import publish

LONG = 1000.0


def inbox(database: Database) -> PostgresInbox[Effects]:
    return PostgresInbox(database, Effects)


async def test_an_event_outside_of_a_transaction_is_refused(database: Database) -> None:
    with pytest.raises(RuntimeError, match=r"events\.sample\.happened must be published in the transaction"):
        await publish(database, HAPPENED, Happened(number=1), aggregate="a")


async def test_the_outbox_has_the_event_as_the_transaction_wrote_it(database: Database) -> None:
    async with database.transaction() as connection:
        event_id = await publish(connection, HAPPENED, Happened(number=1), aggregate="a")

    async with PostgresOutbox(database).claim(10) as batch:
        [entry] = batch.entries
        assert (str(event_id), "events.sample.happened", "a") == (entry.id, entry.subject, entry.aggregate)
        assert (str(event_id), "sample.happened") == (entry.headers["ce-id"], entry.headers["ce-type"])
        assert b'{"number":1}' == entry.body


async def test_any_text_reaches_the_outbox_as_it_is(database: Database) -> None:
    text = "'); DROP TABLE outbox; -- \\ \\x41 E'é' $1"
    outgoing = Entry(str(uuid4()), "events.sample.happened", text, {"a": text}, text.encode())
    async with database.transaction() as connection:
        write_entry(connection, outgoing)

    async with PostgresOutbox(database).claim(10) as batch:
        assert [outgoing] == batch.entries


async def test_a_transaction_that_is_rolled_back_publishes_nothing_and_wakes_nobody(database: Database) -> None:
    outbox = PostgresOutbox(database)

    async def fail() -> None:
        async with database.transaction() as connection:
            await publish(connection, HAPPENED, Happened(number=1), aggregate="a")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with outbox.claim(10) as batch:
        assert [] == [*batch.entries]
    assert not database.outbox_written.is_set()


async def test_a_commit_ends_the_wait(database: Database) -> None:
    waiting = asyncio.create_task(PostgresOutbox(database).wait(LONG))
    await write(database, ("a", 1))

    await waiting


async def test_a_transaction_without_events_does_not_end_the_wait(database: Database) -> None:
    await write(database, ("a", 1))
    database.outbox_written.clear()
    async with database.transaction() as connection:
        await Effects(connection).add(1)

    assert not database.outbox_written.is_set()


async def test_what_is_removed_is_gone_and_the_rest_stays_in_order(database: Database) -> None:
    await write(database, ("a", 1), ("a", 2), ("b", 3))
    outbox = PostgresOutbox(database)
    async with outbox.claim(10) as batch:
        await batch.remove([batch.entries[0].id])

    async with outbox.claim(10) as batch:
        assert [b'{"number":2}', b'{"number":3}'] == [entry.body for entry in batch.entries]


async def test_the_backlog_counts_what_waits_and_since_when(database: Database) -> None:
    outbox = PostgresOutbox(database)
    assert (0, 0.0) == await outbox.backlog()
    await write(database, ("a", 1), ("b", 2))
    await database.fetch("UPDATE outbox SET written_at = now() - interval '1 hour' WHERE aggregate = 'a'")
    entries, age = await outbox.backlog()
    assert 2 == entries
    assert 3600 <= age < 3700
    async with outbox.claim(10) as batch:
        await batch.remove([entry.id for entry in batch.entries])
    assert (0, 0.0) == await outbox.backlog()


async def test_a_claim_that_fails_keeps_its_entries(database: Database) -> None:
    await write(database, ("a", 1))
    outbox = PostgresOutbox(database)

    async def fail() -> None:
        async with outbox.claim(10) as batch:
            await batch.remove([entry.id for entry in batch.entries])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    claimed: list[str] = []
    while not claimed:  # the server may take a moment to end the session that failed
        async with outbox.claim(10) as batch:
            claimed += [entry.aggregate for entry in batch.entries]
    assert ["a"] == claimed


async def test_two_claims_share_the_aggregates_and_none_is_in_both(database: Database) -> None:
    await write(database, *((f"a{number % 4}", number) for number in range(16)))
    outbox = PostgresOutbox(database)

    async with outbox.claim(2) as one, outbox.claim(2) as two, outbox.claim(100) as rest:
        claims = [{entry.aggregate for entry in batch.entries} for batch in (one, two, rest)]
        assert [2, 2] == [len(one.entries), len(two.entries)]
    assert {"a0", "a1", "a2", "a3"} == set.union(*claims)
    assert 4 == sum(map(len, claims))


async def test_who_finds_an_aggregate_locked_leaves_its_new_entries_to_the_holder(database: Database) -> None:
    await write(database, ("a", 1))
    holder, other = PostgresOutbox(database), PostgresOutbox(database)
    async with holder.claim(10) as batch:
        await write(database, ("a", 2))
        database.outbox_written.clear()  # another process wrote it
        async with other.claim(10) as nothing:
            assert [] == nothing.entries
        await batch.remove([entry.id for entry in batch.entries])

    await holder.wait(LONG)


async def test_a_claim_leaves_nothing_in_its_session(database: Database) -> None:
    async def session() -> tuple[str, int]:
        row = await database.fetchrow(
            "SELECT current_setting('idle_session_timeout') AS idle,"
            " (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS locks"
        )
        assert row is not None
        return row["idle"], row["locks"]

    before = await session()
    await write(database, ("a", 1))
    outbox = PostgresOutbox(database)
    async with outbox.claim(10) as batch:
        assert ["a"] == [entry.aggregate for entry in batch.entries]
    assert before == await session()


async def test_a_frozen_relay_loses_its_claim(database: Database) -> None:
    await write(database, ("a", 1))
    other = PostgresOutbox(database)

    async def claimed() -> int:
        async with other.claim(10) as batch:
            return len(batch.entries)

    async def freeze() -> None:
        async with PostgresOutbox(database, silence=0.05).claim(10):
            while not await claimed():
                await asyncio.sleep(0.005)

    with pytest.raises(DatabaseUnavailable):
        await freeze()


async def test_a_claim_begins_with_the_oldest_entry_of_each_aggregate(database: Database) -> None:
    await write(database, ("a", 1), ("b", 2), ("a", 3), ("b", 4))

    async with PostgresOutbox(database).claim(3) as batch:
        assert ["a", "b", "a"] == [entry.aggregate for entry in batch.entries]


async def test_an_event_is_applied_once(database: Database) -> None:
    event_id = str(uuid4())
    for _ in range(3):
        async with inbox(database).once(event_id) as effects:
            if effects is not None:
                await effects.add(1)

    assert [1] == await numbers(database)


async def test_an_effect_that_fails_leaves_no_trace_in_the_inbox(database: Database) -> None:
    event_id = str(uuid4())

    async def fail() -> None:
        async with inbox(database).once(event_id) as effects:
            assert effects is not None
            await effects.add(1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with inbox(database).once(event_id) as effects:
        assert effects is not None
    assert [] == await numbers(database)


async def test_of_ten_deliveries_at_once_one_takes_effect(database: Database) -> None:
    event_id = str(uuid4())

    async def apply(number: int) -> None:
        async with inbox(database).once(event_id) as effects:
            if effects is not None:
                await effects.add(number)

    await asyncio.gather(*map(apply, range(10)))

    assert 1 == len(await numbers(database))


async def test_old_ids_are_deleted_and_the_others_stay(database: Database) -> None:
    old, young = str(uuid4()), str(uuid4())
    for event_id, days in ((old, 31), (young, 29)):
        async with inbox(database).once(event_id):
            pass
        await database.fetch(
            "UPDATE inbox SET applied_at = now() - $2::interval WHERE event_id = $1", event_id, timedelta(days=days)
        )
    async with inbox(database).once(str(uuid4())):
        pass

    left = {str(row["event_id"]) for row in await database.fetch("SELECT event_id FROM inbox")}
    assert old not in left
    assert young in left


async def test_a_version_without_events_starts_on_a_database_that_has_their_tables(database: Database) -> None:
    await migrate(database, files("customers_svc") / "migrations")
    await migrate(database, files("customers_svc") / "migrations", events=True)
