import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.upstream.feed import Feed, Shown
from mesh.core.errors import Unavailable
from mesh.transport.base import Message
from mesh.transport.memory import MemoryBroker, MemoryTransport
from subjects import EVENTS, EVENTS_CUSTOMERS_CHANGED
from tests.support.gateway.feed_stream import FeedStream
from tests.support.virtual_clock import in_virtual_time
from tests.support.waiting import until


class World:
    """A stream, and a gateway that listens."""

    def __init__(self) -> None:
        self.broker = MemoryBroker()
        self.stream = FeedStream(self.broker)
        self.transport = MemoryTransport(self.broker, "gateway")
        self.delivered: list[Shown] = []
        self.lost = 0
        self.feed = Feed(self.transport, EVENTS, self.delivered.append, self._lose)

    def _lose(self) -> None:
        self.lost += 1

    @property
    def places(self) -> list[int]:
        return [event.sequence for event in self.delivered]

    async def has(self, *places: int) -> None:
        await until(lambda: len(self.delivered) >= len(places))
        assert [*places] == self.places


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    await made.stream.start()
    async with made.feed.watched():
        yield made


async def test_what_was_stored_before_is_not_new_and_the_rest_comes_in_order(world: World) -> None:
    world.stream.store()
    await world.feed.ready()
    world.stream.store(user_id="u2", order_id=7)
    world.stream.store(user_id=None)
    await world.has(2, 3)
    assert ("orders.placed", "7", "u2") == world.delivered[0][2:5]
    assert world.delivered[1].user_id is None
    assert 0 == world.lost


async def test_an_event_that_was_lost_on_the_way_comes_before_the_next(world: World) -> None:
    await world.feed.ready()
    world.stream.store()
    world.stream.store(told=False)
    world.stream.store()
    world.stream.store()
    await world.has(1, 2, 3, 4)
    assert 0 == world.lost


async def test_an_event_that_comes_twice_is_delivered_once(world: World) -> None:
    await world.feed.ready()
    world.stream.store()
    world.broker.route(world.stream.stored[1])
    world.stream.store()
    world.broker.route(world.stream.stored[1])
    world.stream.store()
    await world.has(1, 2, 3)


async def test_more_than_one_batch_is_read(world: World) -> None:
    await world.feed.ready()
    for _ in range(600):
        world.stream.store(told=False)
    world.stream.store()
    await world.has(*range(1, 602))


@in_virtual_time
async def test_a_reconnect_brings_what_was_missed() -> None:
    world = World()
    await world.stream.start()
    async with world.feed.watched():
        await world.feed.ready()
        world.transport.disconnect()
        world.stream.store()
        world.stream.store()
        with pytest.raises(Unavailable, match="cannot be read"):
            await world.feed.ready()
        world.transport.reconnect()
        await asyncio.sleep(1)
        assert [1, 2] == world.places
        reads = world.stream.reads
        await world.feed.ready()
        assert reads == world.stream.reads, "it is known already"


@in_virtual_time
async def test_a_lost_event_that_no_other_follows_is_found_within_15_seconds() -> None:
    world = World()
    await world.stream.start()
    async with world.feed.watched():
        await world.feed.ready()
        world.stream.store(told=False)
        await asyncio.sleep(14)
        assert [] == world.places
        await asyncio.sleep(2)
        assert [1] == world.places


async def test_events_that_are_stored_no_more_are_reported_as_lost(world: World) -> None:
    await world.feed.ready()
    world.stream.store()
    await world.has(1)
    for _ in range(3):
        world.stream.store(told=False)
    del world.stream.stored[2], world.stream.stored[3]
    world.stream.store()
    await world.has(1, 4, 5)
    assert 1 == world.lost


async def test_a_stream_that_was_made_anew_counts_from_the_beginning(world: World) -> None:
    for _ in range(5):
        world.stream.store()
    await world.feed.ready()
    world.stream.make_anew()
    world.stream.store()
    world.stream.store()
    await world.has(1, 2)
    assert (1, 2) == (world.lost, world.feed.position)


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b'{"user_id":7}', b'{"user_id":"u1"', b"\xff", b'{"user_id":"' + b"u" * 300]
)
async def test_an_event_that_cannot_be_read_keeps_its_place(world: World, payload: bytes) -> None:
    await world.feed.ready()
    world.stream.store(payload=payload)
    world.stream.store(EVENTS_CUSTOMERS_CHANGED)  # not shown
    world.stream.store()
    await world.has(3)
    assert 0 == world.lost


@pytest.mark.parametrize("place", ["", "x", "-1", "1e3", "9" * 40])
async def test_what_the_server_did_not_send_changes_nothing(world: World, place: str) -> None:
    await world.feed.ready()
    world.broker.route(Message("feed.events.orders.placed", b"{}", {"Nats-Sequence": place}))
    world.broker.route(Message("feed.events.orders.placed", b"{}"))
    world.stream.store()
    await world.has(1)


async def test_without_the_stream_it_says_so_and_begins_later() -> None:
    world = World()
    for _ in range(2):
        with pytest.raises(Unavailable, match="cannot be read"):
            await world.feed.ready()
    await world.stream.start()
    world.stream.store()
    await world.feed.ready()
    world.stream.store()
    await world.has(2)
