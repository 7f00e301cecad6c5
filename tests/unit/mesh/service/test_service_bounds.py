"""How much a service takes at once, and for how long: handlers, queue, drain, deadlines."""

import asyncio
import json
import time

import pytest

from mesh.client.client import Client
from mesh.core import context
from mesh.core.errors import NoResponder, Overloaded
from mesh.transport.memory import MemoryBroker, MemoryTransport
from mesh.wire import request_headers
from tests.support.mesh.raw import problem, raw
from tests.support.mesh.sample_service import SAY, Gate, Said, Say, sample
from tests.support.waiting import until


async def test_handlers_run_at_once_up_to_the_bound_and_the_rest_waits(
    worker: MemoryTransport, caller: MemoryTransport
) -> None:
    gate = Gate()
    service = sample(worker, gate, concurrency=8, queue_size=100)
    await service.start()
    calls = [asyncio.ensure_future(Client(caller).call(SAY, Say())) for _ in range(50)]
    await until(lambda: (gate.inside, service.queued) == (8, 42))
    assert 8 == service.running
    gate.open.set()
    await asyncio.gather(*calls)
    assert (8, 50) == (gate.most_inside, gate.passed)
    await until(lambda: service.running == 0)


async def test_beyond_the_queue_callers_hear_overloaded_at_once(
    worker: MemoryTransport, caller: MemoryTransport
) -> None:
    gate = Gate()
    service = sample(worker, gate, concurrency=2, queue_size=3)
    await service.start()
    calls = [asyncio.ensure_future(Client(caller).call(SAY, Say())) for _ in range(5)]
    await until(lambda: service.queued == 3)
    with pytest.raises(Overloaded) as refused:
        await Client(caller).call(SAY, Say())
    assert "queue_full" == refused.value.reason
    gate.open.set()
    assert 5 == len(await asyncio.gather(*calls))


async def test_what_would_wait_too_long_in_the_queue_is_refused_at_once(
    worker: MemoryTransport, caller: MemoryTransport
) -> None:
    gate = Gate()
    service = sample(worker, gate, concurrency=1, queue_size=1000)
    await service.start()
    for _ in range(200):
        service.queue.learn(0.5)
    calls = [asyncio.ensure_future(raw(caller, "sample.say")) for _ in range(3)]
    await until(lambda: gate.inside + service.queued == 3)
    refused = problem(await raw(caller, "sample.say"))
    assert ("overloaded", "queue_too_slow") == (refused.code, refused.reason)
    assert 2 == service.queued
    gate.open.set()
    await asyncio.gather(*calls)


async def test_a_drain_answers_what_was_taken_and_takes_nothing_new(
    broker: MemoryBroker, worker: MemoryTransport, caller: MemoryTransport
) -> None:
    gate = Gate()
    service = sample(worker, gate, concurrency=2, queue_size=10)
    await service.start()
    calls = [asyncio.ensure_future(Client(caller).call(SAY, Say())) for _ in range(6)]
    await until(lambda: service.queued == 4)
    draining = asyncio.ensure_future(service.drain())
    await until(lambda: not any(subscription.matches("sample.say") for subscription in broker.subscriptions))
    with pytest.raises(NoResponder):
        await Client(caller).call(SAY, Say())
    assert not draining.done()
    gate.open.set()
    assert 6 == len(await asyncio.gather(*calls))
    await draining


async def test_the_deadline_is_what_the_headers_say_and_the_endpoints_at_most(
    worker: MemoryTransport, caller: MemoryTransport
) -> None:
    seen: list[float] = []

    async def look(_: Say) -> Said:
        now = context.current()
        assert now
        seen.append(now.remaining())
        return Said(text="")

    await sample(worker, look).start()
    await raw(caller, "sample.say")
    await raw(caller, "sample.say", headers={"Request-Timeout": "2000"})
    await raw(caller, "sample.say", headers={"request-timeout": "999999999"})
    await raw(caller, "sample.say", headers={"Request-Deadline": str(round(time.time() * 1000) + 1000)})
    await raw(caller, "sample.say", headers=request_headers.deadline_headers(3, time.time()))
    assert [5, 2, 5, 1, 3] == [round(left + 0.4) for left in seen]


async def test_a_request_whose_deadline_has_passed_is_not_begun(
    worker: MemoryTransport, caller: MemoryTransport
) -> None:
    gate = Gate()
    await sample(worker, gate).start()
    reply = await raw(caller, "sample.say", headers={"Request-Deadline": "1000"})
    assert ("504", "deadline_exceeded") == (reply.headers["Nats-Service-Error-Code"], problem(reply).code)
    assert 0 == gate.most_inside


async def test_a_handler_is_cancelled_when_the_deadline_passes(
    worker: MemoryTransport, caller: MemoryTransport
) -> None:
    gate = Gate()
    await sample(worker, gate).start()
    reply = await raw(caller, "sample.say", headers={"Request-Timeout": "20"})
    assert "deadline_exceeded" == problem(reply).code
    assert (1, 0, 0) == (gate.most_inside, gate.inside, gate.passed)


@pytest.mark.parametrize("value", ["soon", "-1", "1.5", "1e3", "9" * 30, "", "²"])
@pytest.mark.parametrize("name", ["Request-Timeout", "Request-Deadline"])
async def test_a_deadline_that_is_no_number_is_the_callers_mistake(
    worker: MemoryTransport, caller: MemoryTransport, name: str, value: str
) -> None:
    await sample(worker).start()
    said = problem(await raw(caller, "sample.say", headers={name: value}))
    assert ("invalid_argument", [name]) == (said.code, [one.field for one in said.errors])


@pytest.mark.parametrize("size", [SAY.max_request + 1, 3 * SAY.max_request])
async def test_a_request_over_its_endpoints_bound_is_refused_unread_and_takes_no_place(
    broker: MemoryBroker, worker: MemoryTransport, caller: MemoryTransport, size: int
) -> None:
    broker.max_payload = 1_000_000
    gate = Gate()
    service = sample(worker, gate, concurrency=1, queue_size=1)
    await service.start()
    calls = [asyncio.ensure_future(raw(caller, "sample.say")) for _ in range(2)]
    await until(lambda: service.queued == 1)
    for body in (b"x" * size, b'{"text":"' + b"x" * (size - 11) + b'"}'):
        refused = problem(await raw(caller, "sample.say", body))
        assert ("payload_too_large", "request_too_large", False) == (refused.code, refused.reason, refused.retryable)
    assert (1, 1) == (service.running, service.queued)
    gate.open.set()
    await asyncio.gather(*calls)


async def test_a_request_of_just_its_endpoints_bound_is_served(
    broker: MemoryBroker, worker: MemoryTransport, caller: MemoryTransport
) -> None:
    broker.max_payload = 1_000_000
    await sample(worker).start()
    text = "x" * (SAY.max_request - 11)
    reply = await raw(caller, "sample.say", f'{{"text":"{text}"}}'.encode())
    assert text == json.loads(reply.payload)["text"]
