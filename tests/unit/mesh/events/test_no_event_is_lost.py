"""Outbox, relay, stream, consumer and inbox under crashes at every await, on a clock of their own."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mesh.core.errors import Conflict
from mesh.events.consumer import EventConsumer, Handler
from mesh.events.jetstream import DEAD, EVENTS
from mesh.events.relay import Relay
from mesh.transport.memory import MemoryTransport
from tests.support.events.memory_stores import Entry, Lost, MemoryStore, Session
from tests.support.events.memory_streams import StreamBroker
from tests.support.events.sample_events import HAPPENED, Happened, entry
from tests.support.long_form import LONG
from tests.support.virtual_clock import VirtualLoop

POISON = 13
"""The number of events whose handler fails, until it is mended."""


class Process:
    """One replica of a service: all its parts die together, without a last word."""

    def __init__(self, loop: VirtualLoop, broker: StreamBroker, store: MemoryStore) -> None:
        self._loop = loop
        self.session = Session(store)
        self.transport = MemoryTransport(broker, "sample")
        self._relay = Relay(self.session, self.transport, most=3)
        handler = Handler(HAPPENED, self.handle, timeout=20)
        self._consumer = EventConsumer("sample", self.transport, [handler], inbox=self.session, concurrency=3)
        before = asyncio.all_tasks(loop)
        loop.run(self._start())
        self.tasks = asyncio.all_tasks(loop) - before

    async def _start(self) -> None:
        await self._relay.start()
        await self._consumer.start()

    async def handle(self, effects: list[str], event: Happened) -> None:
        await asyncio.sleep(event.number % 5)
        if event.number == POISON:
            raise Conflict("poison", "nobody can apply it")  # logged without a traceback, which takes long to print
        effects.append(str(event.number))

    def kill(self) -> None:
        self.session.lose()
        self.transport.disconnect()
        for task in {*self.tasks, *self._consumer.tasks}:
            task.cancel()
        self._loop.run(asyncio.sleep(0))
        self._loop.run(self.transport.close())

    def drain(self) -> None:
        self._loop.run(self._drain())
        self._loop.run(self.transport.close())

    async def _drain(self) -> None:
        await self._consumer.drain()
        await self._relay.drain()


class Events(RuleBasedStateMachine):
    """Two replicas that write, relay and handle the same events."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualLoop()
        self.store = MemoryStore()
        self.broker = StreamBroker()
        self.consumer = self.broker.add_consumer("sample")
        self.processes = [self.new(), self.new()]

    def new(self) -> Process:
        return Process(self.loop, self.broker, self.store)

    @rule(numbers=st.lists(st.integers(0, 20), min_size=1, max_size=4), who=st.integers(0, 1))
    def change(self, numbers: Sequence[int], who: int) -> None:
        """Change some of three aggregates."""
        for number in numbers:
            self.loop.create_task(self.write(self.processes[who].session, entry(number, f"aggregate{number % 3}")))
        self.loop.run(asyncio.sleep(0))

    async def write(self, session: Session, one: Entry) -> None:
        with suppress(Lost):
            await session.write(one)

    @rule(turns=st.integers(1, 40))
    def run_some_turns(self, turns: int) -> None:
        for _ in range(turns):
            self.loop.run(asyncio.sleep(0))

    @rule(seconds=st.sampled_from([0.01, 0.2, 1.0, 6.0, 40.0]))
    def let_time_pass(self, seconds: float) -> None:
        self.loop.run(asyncio.sleep(seconds))

    @rule(who=st.integers(0, 1))
    def crash(self, who: int) -> None:
        self.processes[who].kill()
        self.processes[who] = self.new()

    @rule(who=st.integers(0, 1))
    def deploy(self, who: int) -> None:
        self.processes[who].drain()
        self.processes[who] = self.new()

    @rule(who=st.integers(0, 1))
    def cut_off(self, who: int) -> None:
        self.processes[who].transport.disconnect()

    @rule(who=st.integers(0, 1))
    def let_back(self, who: int) -> None:
        if not self.processes[who].transport.connected:
            self.processes[who].transport.reconnect()

    @rule(stream=st.sampled_from([EVENTS, DEAD]))
    def fill_or_empty(self, stream: str) -> None:
        self.broker.full ^= {stream}

    @invariant()
    def nothing_takes_effect_twice(self) -> None:
        assert not Counter(self.store.effects) - self.wanted()

    @invariant()
    def the_stream_has_the_order_of_each_aggregate(self) -> None:
        sent = dict.fromkeys(one.message.headers["ce-id"] for one in self.broker.streams[EVENTS])
        written = [one for one in self.store.written if one.id in sent]
        place = {event_id: number for number, event_id in enumerate(sent)}
        for aggregate in {one.aggregate for one in written}:
            places = [place[one.id] for one in written if one.aggregate == aggregate]
            assert sorted(places) == places

    def wanted(self) -> Counter[str]:
        """The effects of all that was committed."""
        numbers = Counter(json.loads(one.body)["number"] for one in self.store.written)
        return Counter({str(number): count for number, count in numbers.items() if number != POISON})

    def teardown(self) -> None:
        self.broker.full.clear()
        for process in self.processes:
            if not process.transport.connected:
                process.transport.reconnect()
        for _ in range(400):
            self.loop.run(asyncio.sleep(5))
            if not self.store.outbox and not self.consumer.unsettled:
                break
        assert [] == self.store.outbox
        assert self.wanted() == Counter(self.store.effects)
        assert 0 == self.consumer.unsettled
        poison = {one.id for one in self.store.written if json.loads(one.body)["number"] == POISON}
        dead = [one.message.headers for one in self.broker.streams[DEAD]]
        assert poison == {headers["ce-id"] for headers in dead}
        assert {"poison"} >= {headers["Dead-Reason"] for headers in dead}
        for process in self.processes:
            process.drain()
        assert [] == self.broker.subscriptions
        self.loop.run(asyncio.sleep(0))
        assert not asyncio.all_tasks(self.loop)
        self.loop.close()


Events.TestCase.settings = settings(max_examples=300 if LONG else 25, stateful_step_count=30)
TestNoEventIsLost = Events.TestCase
