"""The outbox on a real MongoDB."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from mesh.events.jetstream import EVENTS
from mesh.events.relay import Relay
from mesh.nats.transport import NatsTransport
from providers.mongo.database import Database, open_database
from providers.mongo.outbox import UNSENT, MongoOutbox
from providers.terms import Terms
from tests.support.events.on_servers import NEVER, pulled
from tests.support.events.sample_events import HAPPENED, Happened
from tests.support.events.streams import stored
from tests.support.waiting import until
from worker.mongo import outbox_in, unsent_event

COLLECTION = "event_documents"


@pytest.fixture
async def mongo(auth_url: str) -> AsyncIterator[Database]:
    async with open_database(SecretStr(auth_url), default_name="auth") as database:
        yield database
        await database.drop_collection(COLLECTION)


@pytest.fixture
async def outbox(mongo: Database) -> MongoOutbox:
    return await outbox_in(mongo, COLLECTION)


async def change(mongo: Database, outbox: MongoOutbox, aggregate: str, number: int) -> None:
    """Change a document, and push the event by the same write."""
    event = unsent_event(HAPPENED, Happened(number=number), aggregate=aggregate)
    await mongo[COLLECTION].update_one(
        {"_id": aggregate}, {"$set": {"number": number}, "$push": {UNSENT: event}}, upsert=True
    )
    outbox.wrote()


async def unsent_left(mongo: Database) -> int:
    left: list[dict[str, Any]] = await mongo[COLLECTION].find({}).to_list(None)
    return sum(len(document.get(UNSENT, [])) for document in left)


async def test_a_write_wakes_the_relay_and_the_document_keeps_no_trace(
    mongo: Database, outbox: MongoOutbox, transport: NatsTransport
) -> None:
    relay = Relay(outbox, transport, poll=NEVER)
    await relay.start()
    await change(mongo, outbox, "a", 1)
    await until(lambda: relay.stats.published == 1)
    await relay.drain()

    [message] = await pulled(transport, 1)
    assert (b'{"number":1}', "a") == (message.payload, message.headers["ce-subject"])
    assert {"_id": "a", "number": 1, UNSENT: []} == await mongo[COLLECTION].find_one({"_id": "a"})


async def test_the_backlog_counts_documents_with_events_and_since_when(mongo: Database, outbox: MongoOutbox) -> None:
    assert (0, 0.0) == await outbox.backlog()
    await change(mongo, outbox, "a", 1)
    await change(mongo, outbox, "a", 2)
    await change(mongo, outbox, "b", 3)
    earlier = datetime.now(UTC) - timedelta(hours=1)
    await mongo[COLLECTION].update_one({"_id": "b"}, {"$set": {f"{UNSENT}.0.at": earlier}})
    entries, age = await outbox.backlog()
    assert 2 == entries
    assert 3600 <= age < 3700


async def test_several_relays_keep_the_order_of_each_document(
    mongo: Database, outbox: MongoOutbox, transport: NatsTransport
) -> None:
    relays = [Relay(MongoOutbox(mongo, COLLECTION, Terms()), transport, poll=0.02, most=3) for _ in range(2)]
    for relay in relays:
        await relay.start()

    async def write(aggregate: str) -> None:
        for number in range(10):
            await change(mongo, outbox, aggregate, number)

    await asyncio.gather(*(write(f"a{number}") for number in range(5)))
    while await unsent_left(mongo):
        await asyncio.sleep(0.01)
    for relay in relays:
        await relay.drain()

    got: dict[str, list[bytes]] = {}
    for message in await pulled(transport, 50):
        got.setdefault(message.headers["ce-subject"], []).append(message.payload)
    assert {f"a{number}": [b'{"number":%d}' % one for one in range(10)] for number in range(5)} == got
    assert 50 == await stored(transport, EVENTS)


async def test_a_claimed_document_is_nobody_elses_until_its_claim_ends(mongo: Database, outbox: MongoOutbox) -> None:
    await change(mongo, outbox, "a", 1)
    await change(mongo, outbox, "b", 2)

    async with outbox.claim(1) as one, outbox.claim(10) as other, outbox.claim(10) as nothing:
        assert [["a"], ["b"], []] == [[entry.aggregate for entry in each.entries] for each in (one, other, nothing)]
        await change(mongo, outbox, "a", 3)
        await one.remove([one.entries[0].id])
    async with outbox.claim(10) as rest:
        assert [b'{"number":2}', b'{"number":3}'] == [entry.body for entry in rest.entries]


async def test_what_a_dead_relay_held_is_free_after_its_lease(mongo: Database, outbox: MongoOutbox) -> None:
    await change(mongo, outbox, "a", 1)
    async with outbox.claim(10):
        await mongo[COLLECTION].update_one({}, [{"$set": {"unsent_lease.until": {"$subtract": ["$$NOW", 1]}}}])
        async with outbox.claim(10) as taken:
            assert 1 == len(taken.entries)
