"""When a read asks a second instance, and how often."""

import asyncio
import json
from collections.abc import Coroutine
from contextlib import closing
from typing import Any

import pytest

from mesh.client.client import Client
from mesh.client.instances import EVERY, Instances
from mesh.core.endpoint import Access, Endpoint
from mesh.core.errors import Unavailable
from mesh.transport.base import Message
from mesh.transport.memory import MemoryBroker, MemoryTransport
from mesh.wire.problem import error_reply
from tests.support.mesh.sample_service import Said, Say
from tests.support.virtual_clock import VirtualLoop

READ = Endpoint("sample.read", Say, Said, Access.ANYONE, idempotent=True, read=True, timeout=5)
KEPT = Endpoint("sample.kept", Say, Said, Access.ANYONE, idempotent=True, timeout=5)
ONCE = Endpoint("sample.once", Say, Said, Access.ANYONE, read=True, timeout=5)
HEADERS, FULL = error_reply(Unavailable("queue_full", "full"), "r1")
SLOW_DATABASE = error_reply(Unavailable("database_unavailable", "locked"), "r1")


def in_virtual_time(work: Coroutine[Any, Any, None]) -> None:
    with closing(VirtualLoop()) as loop:
        loop.run(work)


class Instance:
    """A worker that answers after as long as it is told, or never, and discovery as long as it is not frozen."""

    def __init__(self, broker: MemoryBroker, name: str, seconds: float = 0.002) -> None:
        self.name = name
        self.seconds = seconds
        self.frozen = False
        self.ready = "true"
        self.reconnects = 0
        self.refusal: tuple[dict[str, str], bytes] | None = None
        self.asked = 0
        self.replies: set[str] = set()
        self._broker = broker
        self._transport = MemoryTransport(broker, name)

    async def start(self) -> None:
        await self._transport.subscribe("$SRV.PING.sample", self._ping)
        for endpoint in (READ, KEPT, ONCE):
            await self._transport.subscribe(endpoint.subject, self._take, "q")

    def kill(self) -> None:
        """End as a process does whose connection is closed with it."""
        self.frozen = True
        self._transport.disconnect()

    @property
    def metadata(self) -> dict[str, str]:
        return {"ready": self.ready, **({"reconnects": str(self.reconnects)} if self.reconnects else {})}

    def _ping(self, message: Message) -> None:
        if not self.frozen:
            document = {"name": "sample", "id": self.name, "version": "1.0.0", "metadata": self.metadata}
            self._broker.route(Message(message.reply, json.dumps(document).encode()))

    def _take(self, message: Message) -> None:
        self.asked += 1
        assert message.reply not in self.replies, "NATS would not let it answer a second time"
        self.replies.add(message.reply)
        asyncio.get_running_loop().call_later(self.seconds, self._answer, message.reply)

    def _answer(self, reply: str) -> None:
        if not self.frozen:
            headers, body = self.refusal or ({}, Said(text=self.name).model_dump_json().encode())
            self._broker.route(Message(reply, body, headers))


class Mesh:
    """Some instances, and a caller who knows of them."""

    def __init__(self, *seconds: float) -> None:
        self.broker = MemoryBroker()
        self.workers = [Instance(self.broker, f"i{number}", each) for number, each in enumerate(seconds)]
        self.transport = MemoryTransport(self.broker, "caller")
        self.instances = Instances(self.transport, ["sample"])
        self.client = Client(self.transport, self.instances)

    @property
    def asked(self) -> int:
        return sum(worker.asked for worker in self.workers)

    async def call(self, endpoint: Endpoint[Say, Said] = READ) -> float:
        """Seconds that a call took."""
        now = asyncio.get_running_loop().time
        began = now()
        await self.client.call(endpoint, Say())
        return now() - began

    async def calls(self, count: int, endpoint: Endpoint[Say, Said] = READ) -> list[float]:
        return [await self.call(endpoint) for _ in range(count)]


async def known(mesh: Mesh) -> None:
    """Start the instances, and have them known."""
    for worker in mesh.workers:
        await worker.start()
    await asyncio.sleep(3 * EVERY)


def test_a_read_that_a_killed_instance_took_costs_little() -> None:
    async def scene() -> None:
        mesh = Mesh(0.002, 0.002)
        async with mesh.instances.monitored():
            await known(mesh)
            await mesh.calls(200)
            under_way = [asyncio.create_task(mesh.call()) for _ in range(20)]
            await asyncio.sleep(0)
            mesh.workers[0].kill()
            times = [*await asyncio.gather(*under_way), *await mesh.calls(20)]
        assert 0.02 <= max(times) < 0.05

    in_virtual_time(scene())


def test_while_an_instance_is_lost_reads_ask_until_they_are_answered() -> None:
    async def scene() -> None:
        mesh = Mesh(0.002, 0.002, 0.002)
        async with mesh.instances.monitored():
            await known(mesh)
            await mesh.calls(200)
            for worker in mesh.workers[:2]:  # which NATS goes on to pick
                worker.frozen = True
            assert max(await asyncio.gather(*(mesh.call() for _ in range(9)))) < 2 * EVERY + 3 * 0.5

    in_virtual_time(scene())


@pytest.mark.parametrize("endpoint", [KEPT, ONCE])
def test_what_may_change_something_is_not_hedged(endpoint: Endpoint[Say, Said]) -> None:
    async def scene() -> None:
        mesh = Mesh(0.5, 0.5)
        async with mesh.instances.monitored():
            await known(mesh)
            await mesh.calls(10, endpoint)
        assert 10 == mesh.asked

    in_virtual_time(scene())


@pytest.mark.parametrize("seconds", [0.5, 2.5])
def test_with_one_instance_nothing_is_asked_twice_while_it_lives(seconds: float) -> None:
    async def scene() -> None:
        mesh = Mesh(seconds)
        async with mesh.instances.monitored():
            await known(mesh)
            await mesh.calls(20)
            await mesh.calls(20, KEPT)
        assert 40 == mesh.asked

    in_virtual_time(scene())


def test_a_paused_instance_is_nobody_to_ask_and_not_lost() -> None:
    async def scene() -> None:
        mesh = Mesh(0.5, 0.5)
        mesh.workers[1].ready = "false"
        async with mesh.instances.monitored():
            await known(mesh)
            assert (False, False) == (mesh.instances.several("sample"), mesh.instances.lost("sample"))
            await mesh.calls(20)
        assert 20 == mesh.asked

    in_virtual_time(scene())


def test_hedges_raise_the_load_by_a_tenth_at_most() -> None:
    async def scene() -> None:
        mesh = Mesh(0.002, 0.002)
        async with mesh.instances.monitored():
            await known(mesh)
            await mesh.calls(150)
            before = mesh.asked
            for worker in mesh.workers:
                worker.seconds = 0.5  # all of them late, and by far
            for _ in range(25):
                await asyncio.gather(*(mesh.call() for _ in range(20)))
        hedges = mesh.asked - before - 500
        assert 0 < hedges <= 500 * 0.1 + 64

    in_virtual_time(scene())


def test_a_slow_endpoint_is_not_taken_for_a_late_one() -> None:
    async def scene() -> None:
        mesh = Mesh(0.8, 0.8)
        async with mesh.instances.monitored():
            await known(mesh)
            for _ in range(15):
                await asyncio.gather(*(mesh.call() for _ in range(20)))
            before = mesh.asked
            for _ in range(10):
                await asyncio.gather(*(mesh.call() for _ in range(20)))
        assert 200 == mesh.asked - before

    in_virtual_time(scene())


def test_a_service_that_refuses_is_not_asked_twice() -> None:
    async def scene() -> None:
        mesh = Mesh(2.0, 2.0)
        async with mesh.instances.monitored():
            await known(mesh)
            for worker in mesh.workers:
                worker.refusal = SLOW_DATABASE
            await asyncio.gather(*(mesh.call() for _ in range(100)), return_exceptions=True)
            assert mesh.asked <= 100 + 64
            before = mesh.asked
            await asyncio.gather(*(mesh.call() for _ in range(100)), return_exceptions=True)
        assert mesh.asked - before <= 110

    in_virtual_time(scene())


def test_a_second_instance_that_takes_no_more_says_nothing_of_the_first() -> None:
    async def scene() -> None:
        mesh = Mesh(0.3, 0.001)
        async with mesh.instances.monitored():
            await known(mesh)
            mesh.workers[1].refusal = (HEADERS, FULL)
            served = [await mesh.client.call(READ, Say()) for _ in range(20)]
        assert {"i0"} == {one.text for one in served}

    in_virtual_time(scene())


def test_what_the_only_instance_did_not_hear_before_it_connected_anew_is_sent_again() -> None:
    async def scene() -> None:
        mesh = Mesh(0.002)
        async with mesh.instances.monitored():
            await known(mesh)
            [worker] = mesh.workers
            worker.seconds = 60
            asked = asyncio.create_task(mesh.client.call(READ, Say()))
            await asyncio.sleep(0.001)
            worker.seconds, worker.reconnects = 0.002, 1
            assert "i0" == (await asked).text
            assert 2 == worker.asked

    in_virtual_time(scene())


def test_without_nats_nobody_is_known_and_all_is_known_after_it() -> None:
    async def scene() -> None:
        mesh = Mesh(0.002, 0.002)
        async with mesh.instances.monitored():
            await known(mesh)
            assert mesh.instances.several("sample")
            mesh.transport.disconnect()
            await asyncio.sleep(20)
            assert (False, True) == (mesh.instances.several("sample"), mesh.instances.lost("sample"))
            mesh.transport.reconnect()
            await asyncio.sleep(3 * EVERY)
            assert (True, False) == (mesh.instances.several("sample"), mesh.instances.lost("sample"))

    in_virtual_time(scene())


OF_ONE = b'{"name":"sample","id":"x","version":"1","metadata":{"ready":"true"},"endpoints":[%b]}'


@pytest.mark.parametrize(
    "answer", [b"", b"nonsense", b"[]", b"1", b"{}", b'{"name": "other", "id": "x"}', OF_ONE % b" ".rjust(4096)]
)
def test_an_answer_to_discovery_that_makes_no_sense_is_passed_over(answer: bytes) -> None:
    async def scene() -> None:
        mesh = Mesh(0.002)
        rogue = MemoryTransport(mesh.broker, "rogue")
        await rogue.subscribe("$SRV.PING.sample", lambda message: broker_route(mesh, message.reply, answer))
        async with mesh.instances.monitored():
            await known(mesh)
            await asyncio.sleep(20)
            assert (False, False) == (mesh.instances.several("sample"), mesh.instances.lost("sample"))

    in_virtual_time(scene())


def broker_route(mesh: Mesh, reply: str, answer: bytes) -> None:
    mesh.broker.route(Message(reply, answer))
