"""A worker that steps back while what it stands on is gone, in memory."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from mesh.client.client import Client
from mesh.core.errors import NoResponder, Unavailable
from mesh.service.health import health_monitor
from mesh.service.service import Service
from mesh.service.subscriptions import STARTING
from mesh.transport.base import Deliver, Subscription
from mesh.transport.memory import MemoryBroker, MemoryTransport
from tests.support.mesh.raw import raw
from tests.support.mesh.sample_service import SAY, SHOUT, WHISPER, Gate, Say, sample
from tests.support.waiting import until

WHY = "the database does not answer"


class Database:
    """Answers probes, or does not."""

    def __init__(self) -> None:
        self.gone = False
        self.fails = 0
        self.probes = 0
        self.lack: str | None = None

    async def probe(self) -> str | None:
        self.probes += 1
        if self.gone or self.fails > 0:
            self.fails -= 1
            raise OSError("connection refused")
        return self.lack

    async def probed(self, times: int) -> None:
        wanted = self.probes + times + 1  # the one that is under way may be over, and not yet acted upon
        await until(lambda: self.probes >= wanted)


@pytest.fixture
def broker() -> MemoryBroker:
    return MemoryBroker()


@pytest.fixture
async def caller(broker: MemoryBroker) -> AsyncIterator[MemoryTransport]:
    transport = MemoryTransport(broker, "caller")
    yield transport
    await transport.close()


@pytest.fixture
def worker(broker: MemoryBroker) -> MemoryTransport:
    return MemoryTransport(broker, "worker")


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
async def service(worker: MemoryTransport, database: Database) -> AsyncIterator[Service]:
    service = sample(worker)
    async with health_monitor(service, database.probe, WHY, every=0.01):
        await service.start()
        yield service
        await service.drain()


async def metadata(caller: MemoryTransport, verb: str = "PING") -> dict[str, Any]:
    reply = await caller.request(f"$SRV.{verb}.sample", b"", {}, 5)
    told: dict[str, Any] = json.loads(reply.payload)["metadata"]
    return told


async def until_ready(caller: MemoryTransport, ready: str) -> None:
    while (await metadata(caller))["ready"] != ready:
        await asyncio.sleep(0)


class SlowSubscriber(MemoryTransport):
    """NATS confirms the subscriptions of a queue group only once `confirms` is set."""

    def __init__(self, broker: MemoryBroker) -> None:
        super().__init__(broker, "worker")
        self.asked = asyncio.Event()
        self.confirms = asyncio.Event()

    async def subscribe(self, subject: str, deliver: Deliver, queue: str = "") -> Subscription:
        if queue:
            self.asked.set()
            await self.confirms.wait()
        return await super().subscribe(subject, deliver, queue)


async def test_an_instance_that_starts_or_rejoins_is_not_ready_until_all_its_endpoints_are_subscribed(
    broker: MemoryBroker, caller: MemoryTransport
) -> None:
    transport = SlowSubscriber(broker)
    service = sample(transport)
    for begin in (service.start, service.resume):
        beginning = asyncio.create_task(begin())
        await transport.asked.wait()
        assert {"ready": "false", "reason": STARTING} == await metadata(caller)
        transport.confirms.set()
        await until_ready(caller, "true")
        for endpoint in (SAY, SHOUT, WHISPER):
            await raw(caller, endpoint.subject)  # raises NoResponder if nobody serves it
        await beginning
        transport.asked.clear()
        transport.confirms.clear()
        await service.pause(WHY)


async def test_a_paused_service_answers_discovery_alone_and_says_why(worker: MemoryTransport) -> None:
    service, caller = sample(worker), MemoryTransport(worker.broker)
    await service.start()
    await service.pause(WHY)
    with pytest.raises(NoResponder):
        await Client(caller).call(SAY, Say())
    for verb in ("PING", "INFO", "STATS"):
        assert {"ready": "false", "reason": WHY}.items() <= (await metadata(caller, verb)).items()

    await service.resume()

    assert "hello" == (await Client(caller).call(SAY, Say())).text
    for verb in ("PING", "INFO", "STATS"):
        told = await metadata(caller, verb)
        assert ("true", None) == (told["ready"], told.get("reason"))


async def test_what_was_taken_before_a_pause_is_answered(worker: MemoryTransport, caller: MemoryTransport) -> None:
    gate = Gate()
    service = sample(worker, gate, concurrency=2)
    await service.start()
    calls = [asyncio.ensure_future(Client(caller).call(SAY, Say())) for _ in range(5)]
    await until(lambda: gate.inside == 2)
    await service.pause(WHY)
    gate.open.set()
    assert ["hello"] * 5 == [said.text for said in await asyncio.gather(*calls)]


async def test_pauses_and_resumes_at_once_leave_one_subscription_each(
    worker: MemoryTransport, broker: MemoryBroker
) -> None:
    service = sample(worker)
    await service.start()
    before = len(broker.subscriptions)
    await asyncio.gather(*(step for _ in range(10) for step in (service.pause(WHY), service.resume())))
    assert before == len(broker.subscriptions)
    await service.drain()
    assert 0 == len(broker.subscriptions)


async def test_nobody_comes_back_after_a_drain(worker: MemoryTransport, broker: MemoryBroker) -> None:
    service = sample(worker)
    await service.start()
    await service.pause(WHY)
    await asyncio.gather(service.drain(), service.resume(), service.resume())
    assert [] == broker.subscriptions


async def test_other_instances_get_the_requests(
    broker: MemoryBroker, service: Service, database: Database, caller: MemoryTransport
) -> None:
    gate = Gate()
    gate.open.set()
    other = sample(MemoryTransport(broker), gate)
    await other.start()
    database.gone = True
    await until_ready_of(broker, service, "false")
    for _ in range(10):
        await Client(caller).call(SAY, Say())
    assert 10 == gate.passed
    await other.drain()


async def until_ready_of(broker: MemoryBroker, service: Service, ready: str) -> None:
    caller = MemoryTransport(broker)
    while True:
        reply = await caller.request(f"$SRV.PING.sample.{service.identity.id}", b"", {}, 5)
        if json.loads(reply.payload)["metadata"]["ready"] == ready:
            return
        await asyncio.sleep(0)


async def test_it_leaves_with_its_database_and_comes_back_with_it(
    service: Service, database: Database, caller: MemoryTransport
) -> None:
    client = Client(caller)
    for _ in range(3):
        database.gone = True
        await until_ready(caller, "false")
        with pytest.raises(NoResponder):
            await client.call(SAY, Say())
        database.gone = False
        await until_ready(caller, "true")
        assert "hello" == (await client.call(SAY, Say())).text


async def test_one_failed_probe_is_no_outage(service: Service, database: Database) -> None:
    with capture_logs() as logs:
        for _ in range(3):
            database.fails = 1
            await database.probed(3)
    assert ["probe_failed"] * 3 == [line["event"] for line in logs]


async def test_each_change_is_logged_once(service: Service, database: Database, caller: MemoryTransport) -> None:
    with capture_logs() as logs:
        database.gone = True
        await database.probed(10)
        database.gone = False
        await database.probed(10)
    events = [line["event"] for line in logs]
    assert ["probe_failed", "service_paused", "service_resumed"] == events


async def test_without_nats_it_comes_back_as_soon_as_both_are_there(
    service: Service, database: Database, caller: MemoryTransport, worker: MemoryTransport
) -> None:
    database.gone = True
    await until_ready(caller, "false")
    worker.disconnect()
    database.gone = False
    await database.probed(3)
    worker.reconnect()
    await until_ready(caller, "true")
    assert "hello" == (await Client(caller).call(SAY, Say())).text


async def test_what_a_database_cannot_do_is_told_while_requests_are_served(
    caller: MemoryTransport, service: Service, database: Database
) -> None:
    with capture_logs() as lines:
        database.lack = "the database is read-only"
        await database.probed(3)
        assert {"ready": "true", "reason": "the database is read-only"} == await metadata(caller)
        assert await Client(caller).call(SAY, Say())
        database.lack = None
        await database.probed(3)
        assert {"ready": "true"} == await metadata(caller)
    assert ["service_limited", "service_unlimited"] == [line["event"] for line in lines if "limited" in line["event"]]


async def test_a_worker_that_comes_back_to_less_says_so(
    caller: MemoryTransport, service: Service, database: Database
) -> None:
    database.gone = True
    await until_ready(caller, "false")
    database.gone, database.lack = False, "the database is read-only"
    await until_ready(caller, "true")
    assert "the database is read-only" == (await metadata(caller))["reason"]


async def test_a_probe_may_say_why_in_its_own_words(worker: MemoryTransport, caller: MemoryTransport) -> None:
    async def probe() -> None:
        raise Unavailable("key_gone", "the key is gone")

    service = sample(worker)
    async with health_monitor(service, probe, WHY, every=0.01):
        await service.start()
        while {"ready": "false", "reason": "the key is gone"} != await metadata(caller, "PING"):
            await asyncio.sleep(0.01)
        await service.drain()
