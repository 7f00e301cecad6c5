"""The runtime under arbitrary calls, cancellations, drains and lost connections, on a clock of its own."""

import asyncio
from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mesh.client.client import Client
from mesh.core.errors import CallError
from mesh.service.service import Service
from mesh.transport.base import Message
from mesh.transport.memory import MemoryBroker, MemoryTransport
from tests.support.long_form import LONG
from tests.support.mesh.sample_service import SAY, WHISPER, Said, Say, sample
from tests.support.virtual_clock import VirtualLoop


class RecordingBroker(MemoryBroker):
    """Counts, for each inbox, the requests that a worker got and the answers that came."""

    def __init__(self) -> None:
        super().__init__(max_payload=100_000)
        self.delivered: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()

    def route(self, message: Message) -> int:
        reached = super().route(message)
        if message.subject.startswith("_INBOX_"):
            self.answered[message.subject] += 1
        elif message.subject.startswith("sample."):
            self.delivered[message.reply] += reached
        return reached


async def take_a_while(request: Say) -> Said:
    """Take as many tenths of a second as the caller likes."""
    await asyncio.sleep(request.times / 10)
    return Said(text="done")


class Mesh(RuleBasedStateMachine):
    """Two workers with room for three requests each, and one caller."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualLoop()
        self.broker = RecordingBroker()
        self.caller = MemoryTransport(self.broker, "caller")
        self.client = Client(self.caller)
        self.transports = [MemoryTransport(self.broker, f"worker{n}") for n in range(2)]
        self.services: list[Service | None] = [None, None]
        self.retired: list[asyncio.Task[None]] = []
        self.calls: list[asyncio.Task[Said]] = []
        self.worker_was_cut_off = False
        for n in range(2):
            self.start_worker(n)

    def start_worker(self, n: int) -> None:
        service = sample(self.transports[n], take_a_while, concurrency=2, queue_size=1)
        self.loop.run(service.start())
        self.services[n] = service

    @rule(tenths=st.integers(1, 80), timeout=st.sampled_from([0.05, 0.5, 2.0, 5.0]), idempotent=st.booleans())
    def call(self, tenths: int, timeout: float, idempotent: bool) -> None:  # noqa: FBT001
        endpoint = SAY if idempotent else WHISPER
        work = self.client.call(endpoint, Say(times=tenths), timeout)
        self.calls.append(self.loop.create_task(work))
        self.loop.run(asyncio.sleep(0))

    @precondition(lambda self: self.calls)
    @rule(pick=st.integers(0, 1000))
    def cancel(self, pick: int) -> None:
        self.calls[pick % len(self.calls)].cancel()
        self.loop.run(asyncio.sleep(0))

    @rule(seconds=st.sampled_from([0.0, 0.01, 0.1, 1.0, 3.0]))
    def let_time_pass(self, seconds: float) -> None:
        self.loop.run(asyncio.sleep(seconds))

    @rule(n=st.integers(0, 1))
    def deploy(self, n: int) -> None:
        """Start a successor, then drain: the rolling restart of one worker. Without a connection none can start."""
        if not self.transports[n].connected:
            return
        service = self.services[n]
        assert service
        self.start_worker(n)
        self.retired.append(self.loop.create_task(service.drain()))
        self.loop.run(asyncio.sleep(0))

    @rule(n=st.integers(0, 1))
    def cut_a_worker_off(self, n: int) -> None:
        self.worker_was_cut_off = True
        self.transports[n].disconnect()

    @rule(n=st.integers(0, 1))
    def let_a_worker_back(self, n: int) -> None:
        self.transports[n].reconnect()

    @rule()
    def cut_the_caller_off_for_a_moment(self) -> None:
        self.caller.disconnect()
        self.loop.run(asyncio.sleep(0.01))
        self.caller.reconnect()

    @invariant()
    def nothing_is_answered_twice(self) -> None:
        for inbox, answers in self.broker.answered.items():
            assert answers <= self.broker.delivered[inbox]

    def teardown(self) -> None:
        for transport in self.transports:
            transport.reconnect()
        self.loop.run(asyncio.sleep(30))
        self.nothing_is_answered_twice()
        if not self.worker_was_cut_off:
            assert self.broker.delivered == self.broker.answered
        for call in self.calls:
            assert call.done()
            assert call.cancelled() or isinstance(call.exception(), CallError | None)
        assert 0 == self.caller.pending_requests
        for service in self.services:
            assert service
            assert (0, 0) == (service.running, service.queued)
            self.loop.run(service.drain())
        assert all(task.done() and not task.exception() for task in self.retired)
        assert [] == self.broker.subscriptions
        assert not asyncio.all_tasks(self.loop)
        self.loop.close()


Mesh.TestCase.settings = settings(max_examples=300 if LONG else 60, stateful_step_count=40)
TestEveryRequestIsAnsweredOnce = Mesh.TestCase
