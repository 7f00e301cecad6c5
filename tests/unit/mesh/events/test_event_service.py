"""A service with events on a stream in memory."""

import asyncio
import json
from collections.abc import Callable

import pytest

from mesh.events.consumer import EventConsumer, Handler
from mesh.events.relay import Relay
from mesh.events.service import EventService
from mesh.transport.memory import MemoryTransport
from tests.memory_stores import MemoryStore, Session
from tests.memory_streams import Consumer, StreamBroker
from tests.sample_events import HAPPENED, Happened, entry
from tests.sample_service import SAY, say, verify


class World:
    """The service, its store and its stream."""

    def __init__(self) -> None:
        self.broker = StreamBroker()
        self.consumer: Consumer = self.broker.add_consumer("sample")
        self.store = MemoryStore()
        self.session = Session(self.store)
        transport = MemoryTransport(self.broker, "sample")
        self.service = EventService("sample", transport, version="1", description="", verify=verify)
        self.service.add(SAY, say)
        handlers = [Handler(HAPPENED, self.handle)]
        self.service.consumer = EventConsumer("sample", transport, handlers, inbox=self.session)
        self.service.relay = Relay(self.session, transport)
        self.blocked = asyncio.Event()
        self.blocked.set()

    async def handle(self, effects: list[str], event: Happened) -> None:
        await self.blocked.wait()
        effects.append(str(event.number))


async def reached(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0)


@pytest.fixture
async def world() -> World:
    world = World()
    await world.service.start()
    return world


async def test_what_a_change_writes_takes_effect(world: World) -> None:
    await world.session.write(entry(1))
    await reached(lambda: world.store.effects == ["1"])
    await world.service.drain()

    assert ([], 0) == (world.store.outbox, world.consumer.unsettled)
    assert [] == world.broker.interests


async def test_a_paused_service_leaves_events_to_others_and_goes_on_afterwards(world: World) -> None:
    await world.service.pause("the database does not answer")
    await world.session.write(entry(1))
    await reached(lambda: world.consumer.unsettled == 1)
    await world.service.pause("the database does not answer")
    assert [] == world.store.effects
    await world.service.resume()
    await reached(lambda: world.store.effects == ["1"])
    await world.service.drain()


async def test_a_drain_finishes_the_handlers_and_sends_what_they_wrote(world: World) -> None:
    world.blocked.clear()
    await world.session.write(entry(1))
    await reached(lambda: len(world.consumer.timers) == 1)
    draining = asyncio.create_task(world.service.drain())
    await asyncio.sleep(0)
    await world.session.write(entry(2, "b"))
    world.blocked.set()
    await draining

    assert ["1"] == world.store.effects
    assert [] == world.store.outbox
    assert 1 == world.consumer.unsettled  # the second event is for another instance


async def test_discovery_shows_what_was_handled_and_published(world: World) -> None:
    await world.session.write(entry(1))
    await reached(lambda: world.store.effects == ["1"] and not world.store.outbox)
    caller = MemoryTransport(world.broker, "caller")
    stats = json.loads((await caller.request("$SRV.STATS.sample", b"", {}, 1)).payload)
    info = json.loads((await caller.request("$SRV.INFO.sample", b"", {}, 1)).payload)
    await world.service.drain()

    events = stats["data"]["events"]
    assert (1, 0, "") == (events["published"], events["publish_errors"], events["last_publish_error"])
    assert (1, 0, 0, 0) == tuple(
        events["handlers"]["sample.happened"][count] for count in ("handled", "repeated", "errors", "dead")
    )
    assert "data" not in info
