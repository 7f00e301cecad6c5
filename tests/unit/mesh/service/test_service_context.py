"""What a request brings along: who asks, its id, and what travels on to the calls that its handler makes."""

import asyncio
import time

import pytest
import structlog
from structlog.testing import capture_logs

from mesh.client.client import Client
from mesh.core import context
from mesh.core.endpoint import Access, Endpoint
from mesh.core.errors import NotFound, Unavailable
from mesh.telemetry.logs import request_id
from mesh.transport.base import Message
from mesh.transport.memory import MemoryBroker, MemoryTransport
from tests.support.mesh.raw import problem, raw
from tests.support.mesh.sample_service import SAY, SHOUT, WHISPER, Said, Say, sample


async def test_a_verified_endpoint_wants_a_valid_token_and_the_role(
    worker: MemoryTransport, caller: MemoryTransport
) -> None:
    async def who(_: Say) -> Said:
        return Said(text=context.caller().user_id)

    await sample(worker, who).start()
    assert "token_required" == problem(await raw(caller, "sample.shout")).reason
    for token, reason in (("x", "invalid_token"), ("alice", "role_required")):
        refused = await raw(caller, "sample.shout", headers={"Authorization": f"Bearer {token}"})
        assert reason == problem(refused).reason
    assert b'{"text":"ada"}' == (await raw(caller, "sample.shout", headers={"authorization": "Bearer ada"})).payload


async def test_where_anyone_may_ask_a_token_is_optional(worker: MemoryTransport, caller: MemoryTransport) -> None:
    async def who(_: Say) -> Said:
        return Said(text=context.caller().user_id)

    await sample(worker, who).start()
    assert (
        b'{"text":"alice"}' == (await raw(caller, "sample.whisper", headers={"Authorization": "Bearer alice"})).payload
    )
    assert (
        "token_required" == problem(await raw(caller, "sample.whisper", headers={"Authorization": "Bearer x"})).reason
    )
    assert "token_required" == problem(await raw(caller, "sample.whisper")).reason


def test_shout_is_for_admins_and_whisper_for_anyone() -> None:
    assert (Access.ADMIN, Access.ANYONE) == (SHOUT.access, WHISPER.access)


async def test_a_nested_call_carries_request_id_deadline_trace_and_token(
    broker: MemoryBroker, worker: MemoryTransport, caller: MemoryTransport
) -> None:
    below = MemoryTransport(broker, "below")
    seen: list[Message] = []
    answering: list[asyncio.Future[None]] = []
    ask_below = Endpoint("below.ask", Say, Said, Access.USER, timeout=60)

    def take(message: Message) -> None:
        seen.append(message)
        answering.append(asyncio.ensure_future(below.publish(message.reply, b'{"text":"x","new_field":1}')))

    await below.subscribe("below.ask", take)

    async def ask(request: Say) -> Said:
        return await Client(worker).call(ask_below, request)

    await sample(worker, ask).start()
    headers = {"X-Request-Id": "r-4", "traceparent": "00-1-2-01", "Authorization": "Bearer alice"}
    await raw(caller, "sample.whisper", headers={**headers, "Request-Timeout": "3000"})
    got = seen[0].headers
    assert ("r-4", "00-1-2-01", "Bearer alice") == (got["X-Request-Id"], got["traceparent"], got["Authorization"])
    left = int(got["Request-Deadline"]) / 1000 - time.time()
    timeout = int(got["Request-Timeout"]) / 1000
    assert 0 < timeout <= 3
    assert 0 < left <= timeout + 0.001, "the deadline is rounded to a millisecond"


async def test_a_failing_dependency_is_told_as_unavailable_not_as_internal(
    worker: MemoryTransport, caller: MemoryTransport
) -> None:
    async def ask(request: Say) -> Said:
        return await Client(worker).call(Endpoint("below.ask", Say, Said, Access.USER), request)

    await sample(worker, ask).start()
    said = problem(await raw(caller, "sample.say"))
    assert ("overloaded", "dependency_unavailable", True) == (said.code, said.reason, said.retryable)


async def test_one_that_is_overloaded_is_told_as_unavailable(worker: MemoryTransport, caller: MemoryTransport) -> None:
    async def ask(request: Say) -> Said:
        if request.text == "again":
            raise Unavailable("database_unavailable", "it is away")
        return await Client(worker).call(SAY, Say(text="again"))

    await sample(worker, ask).start()
    said = problem(await raw(caller, "sample.say"))
    assert ("overloaded", "dependency_unavailable", True) == (said.code, said.reason, said.retryable)


async def test_a_call_carries_the_key_that_the_handler_gives_it(
    broker: MemoryBroker, worker: MemoryTransport, caller: MemoryTransport
) -> None:
    below = MemoryTransport(broker, "below")
    seen: list[Message] = []
    answering: list[asyncio.Future[None]] = []

    def take(message: Message) -> None:
        seen.append(message)
        answering.append(asyncio.ensure_future(below.publish(message.reply, b'{"text":"x"}')))

    await below.subscribe("below.ask", take)

    async def ask(request: Say) -> Said:
        with context.keyed("mine"):
            return await Client(worker).call(Endpoint("below.ask", Say, Said, Access.ANYONE, keyed=True), request)

    await sample(worker, ask).start()
    await raw(caller, "sample.say", headers={"Idempotency-Key": "the caller's"})
    assert ["mine"] == [message.headers["Idempotency-Key"] for message in seen]


def test_only_a_request_has_calls_to_give_a_key() -> None:
    with pytest.raises(RuntimeError):
        context.keyed("mine")


async def test_one_that_is_too_slow_is_told_as_a_timeout(worker: MemoryTransport, caller: MemoryTransport) -> None:
    await worker.subscribe("below.ask", lambda _: None)

    async def ask(request: Say) -> Said:
        return await Client(worker).call(Endpoint("below.ask", Say, Said, Access.USER), request, timeout=0.02)

    await sample(worker, ask).start()
    assert "dependency_timeout" == problem(await raw(caller, "sample.say")).reason


async def test_its_fault_is_our_bug(worker: MemoryTransport, caller: MemoryTransport) -> None:
    async def ask(request: Say) -> Said:
        if request.text == "again":
            raise NotFound("nothing", "there is nothing")
        return await Client(worker).call(SAY, Say(text="again"))

    await sample(worker, ask).start()
    assert "internal" == problem(await raw(caller, "sample.say")).code


async def test_logs_of_a_handler_carry_the_request_id(worker: MemoryTransport, caller: MemoryTransport) -> None:
    async def speak(_: Say) -> Said:
        structlog.get_logger().info("spoken")
        return Said(text="")

    await sample(worker, speak).start()
    with capture_logs(processors=[request_id]) as logs:
        await raw(caller, "sample.say", headers={"X-Request-Id": "r-5"})
    assert [("spoken", "r-5"), ("request", "r-5")] == [(line["event"], line["request_id"]) for line in logs]


async def test_an_unfit_request_id_is_replaced(worker: MemoryTransport, caller: MemoryTransport) -> None:
    await sample(worker).start()
    for unfit in ("a b", "x" * 200, "a\nb", ""):
        reply = await raw(caller, "sample.say", headers={"X-Request-Id": unfit})
        assert 32 == len(reply.headers["X-Request-Id"])
