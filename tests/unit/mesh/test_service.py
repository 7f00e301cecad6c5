import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import structlog
from structlog.testing import capture_logs

from mesh import context, wire
from mesh.bus import Message
from mesh.client import Client
from mesh.endpoint import Access, Endpoint
from mesh.errors import (
    Code,
    Conflict,
    DeadlineExceeded,
    Fault,
    Internal,
    NoResponder,
    NotFound,
    Overloaded,
    RemoteFault,
)
from mesh.logs import request_id
from mesh.memory import MemoryBroker, MemoryTransport
from mesh.wire import Problem
from tests.nats_server import until
from tests.sample_service import SAY, SHOUT, WHISPER, Gate, Said, Say, sample, say


@pytest.fixture
def broker() -> MemoryBroker:
    return MemoryBroker(max_payload=10_000)


@pytest.fixture
def worker(broker: MemoryBroker) -> MemoryTransport:
    return MemoryTransport(broker, "worker")


@pytest.fixture
async def caller(broker: MemoryBroker) -> AsyncIterator[MemoryTransport]:
    transport = MemoryTransport(broker, "caller")
    yield transport
    await transport.close()


async def raw(
    caller: MemoryTransport, subject: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> Message:
    return await caller.request(subject, body, headers or {}, 10)


def problem(reply: Message) -> Problem:
    return Problem.model_validate_json(reply.payload)


async def test_a_reply_is_bare_json_with_the_request_id(worker: MemoryTransport, caller: MemoryTransport) -> None:
    await sample(worker).start()
    reply = await raw(caller, "sample.say", b'{"text":"hi"}', headers={"x-request-id": "r-1"})
    assert b'{"text":"hi"}' == reply.payload
    assert {"X-Request-Id": "r-1"} == reply.headers


async def test_an_empty_body_is_an_empty_object(worker: MemoryTransport, caller: MemoryTransport) -> None:
    await sample(worker).start()
    assert b'{"text":"hello"}' == (await raw(caller, "sample.say")).payload


@pytest.mark.parametrize(
    ("body", "reason", "fields"),
    [
        (b"{", "malformed_json", []),
        (b"\xff", "malformed_json", []),
        (b"{} {}", "malformed_json", []),
        (b'{"a":' * 1000 + b"1" + b"}" * 1000, "malformed_json", []),
        (b'{"text":"\\ud800"}', "malformed_json", []),
        (b'{"times":' + b"9" * 5000 + b"}", "malformed_json", []),
        (b"[]", "invalid_payload", [""]),
        (b"null", "invalid_payload", [""]),
        (b'{"text":1}', "invalid_payload", ["text"]),
        (b'{"times":true}', "invalid_payload", ["times"]),
        (b'{"times":"1"}', "invalid_payload", ["times"]),
        (b'{"times":1e400}', "invalid_payload", ["times"]),
        (b'{"times":9223372036854775808}', "invalid_payload", ["times"]),
        (b'{"times":0}', "invalid_payload", ["times"]),
        (b'{"loud":true}', "invalid_payload", ["loud"]),
        (b'{"a\\u0000\\n":true}', "invalid_payload", ["a\\x00\\n"]),
    ],
)
async def test_a_payload_that_does_not_fit_is_named_field_by_field(
    worker: MemoryTransport, caller: MemoryTransport, body: bytes, reason: str, fields: list[str]
) -> None:
    await sample(worker).start()
    reply = await raw(caller, "sample.say", body, headers={"X-Request-Id": "r-2"})
    assert ("422", "application/problem+json", "r-2") == (
        reply.headers["Nats-Service-Error-Code"],
        reply.headers["Content-Type"],
        reply.headers["X-Request-Id"],
    )
    said = problem(reply)
    assert (422, "invalid_argument", reason, False, "r-2") == (
        said.status,
        said.code,
        said.reason,
        said.retryable,
        said.request_id,
    )
    assert fields == [one.field for one in said.errors]
    assert reply.headers["Nats-Service-Error"].isprintable()
    assert reply.headers["Nats-Service-Error"].isascii()


async def test_a_thousand_unknown_fields_make_a_short_answer(worker: MemoryTransport, caller: MemoryTransport) -> None:
    await sample(worker).start()
    body = json.dumps({"f" * 7 + str(n): n for n in range(500)}).encode()
    reply = await raw(caller, "sample.say", body)
    assert 20 == len(problem(reply).errors)


async def test_a_fault_crosses_the_wire_with_code_reason_and_detail(
    worker: MemoryTransport, caller: MemoryTransport
) -> None:
    async def fail(_: Say) -> Said:
        raise Conflict("already_said", "it was said before: ärgerlich")

    await sample(worker, fail).start()
    with pytest.raises(RemoteFault) as caught:
        await Client(caller).call(SAY, Say())
    assert (Code.CONFLICT, "already_said", "it was said before: ärgerlich") == (
        caught.value.code,
        caught.value.reason,
        caught.value.detail,
    )


async def test_a_bug_is_logged_once_with_the_request_id_and_not_told(
    worker: MemoryTransport, caller: MemoryTransport
) -> None:
    async def fail(_: Say) -> Said:
        raise RuntimeError("the password is hunter2")

    await sample(worker, fail).start()
    with capture_logs(processors=[request_id]) as logs:
        reply = await raw(caller, "sample.say", headers={"X-Request-Id": "r-3"})
    assert ("500", "internal error") == (
        reply.headers["Nats-Service-Error-Code"],
        reply.headers["Nats-Service-Error"],
    )
    assert b"hunter2" not in reply.payload
    assert "r-3" == problem(reply).request_id
    told = [line for line in logs if line["log_level"] == "error"]
    assert [("handler_failed", "r-3")] == [(line["event"], line["request_id"]) for line in told]


async def test_a_timeout_that_a_handler_lets_through_is_its_bug_not_the_deadline(
    worker: MemoryTransport, caller: MemoryTransport
) -> None:
    async def fail(_: Say) -> Said:
        raise TimeoutError

    await sample(worker, fail).start()
    assert "500" == (await raw(caller, "sample.say")).headers["Nats-Service-Error-Code"]


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


async def test_a_drain_answers_what_was_taken_and_takes_nothing_new(
    broker: MemoryBroker, worker: MemoryTransport, caller: MemoryTransport
) -> None:
    gate = Gate()
    service = sample(worker, gate, concurrency=2, queue_size=10)
    await service.start()
    calls = [asyncio.ensure_future(Client(caller).call(SAY, Say())) for _ in range(6)]
    await until(lambda: service.queued == 4)
    draining = asyncio.ensure_future(service.drain())
    await until(lambda: not any(interest.matches("sample.say") for interest in broker.interests))
    with pytest.raises(NoResponder):
        await Client(caller).call(SAY, Say())
    assert not draining.done()
    gate.open.set()
    assert 6 == len(await asyncio.gather(*calls))
    await draining


@pytest.mark.parametrize("reply", ["", "customers.update", "_INBOX.default", "$SYS.x"])
async def test_a_request_whose_reply_subject_is_no_inbox_is_not_executed(
    broker: MemoryBroker, worker: MemoryTransport, caller: MemoryTransport, reply: str
) -> None:
    gate = Gate()
    service = sample(worker, gate)
    await service.start()
    broker.route(Message("sample.say", b"", {}, reply))
    broker.route(Message("$SRV.PING", b"", {}, reply))
    gate.open.set()
    await Client(caller).call(SAY, Say())
    assert 1 == gate.passed


async def test_the_earliest_of_the_deadlines_is_in_force(worker: MemoryTransport, caller: MemoryTransport) -> None:
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
    soon = wire.unix_ms(1)
    await raw(caller, "sample.say", headers={"Request-Timeout": "2000", "Request-Deadline": str(soon)})
    assert [5, 2, 5, 1] == [round(left + 0.4) for left in seen]


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


async def test_a_reply_over_the_limit_becomes_a_problem(worker: MemoryTransport, caller: MemoryTransport) -> None:
    await sample(worker).start()
    reply = await raw(caller, "sample.say", b'{"text":"' + b"x" * 100 + b'","times":100}')
    assert ("413", "payload_too_large") == (reply.headers["Nats-Service-Error-Code"], problem(reply).code)


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
    assert (
        "role_required" == problem(await raw(caller, "sample.shout", headers={"Authorization": "Bearer alice"})).reason
    )
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
    left = int(got["Request-Deadline"]) / 1000 - wire.unix_ms(0) / 1000
    assert 0 < left <= 3


async def test_a_failing_dependency_is_told_as_unavailable_not_as_internal(
    worker: MemoryTransport, caller: MemoryTransport
) -> None:
    async def ask(request: Say) -> Said:
        return await Client(worker).call(Endpoint("below.ask", Say, Said, Access.USER), request)

    await sample(worker, ask).start()
    said = problem(await raw(caller, "sample.say"))
    assert ("overloaded", "dependency_unavailable", True) == (said.code, said.reason, said.retryable)


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


async def test_an_answer_that_cannot_be_sent_harms_nobody(worker: MemoryTransport, caller: MemoryTransport) -> None:
    gate = Gate()
    service = sample(worker, gate)
    await service.start()
    lost = asyncio.ensure_future(Client(caller).call(SAY, Say(), timeout=0.05))
    await until(lambda: gate.inside == 1)
    worker.disconnect()
    gate.open.set()
    with pytest.raises(DeadlineExceeded):
        await lost
    worker.reconnect()
    assert "hello" == (await Client(caller).call(SAY, Say())).text


async def test_an_endpoint_of_another_service_is_refused(worker: MemoryTransport) -> None:
    with pytest.raises(ValueError, match="belongs to other"):
        sample(worker).add(Endpoint("other.say", Say, Said, Access.ANYONE), say)


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


def test_every_fault_has_a_code_and_the_codes_are_the_wires() -> None:
    assert set(Code) == {kind.code for kind in Fault.__subclasses__()}
    assert [422, 401, 403, 404, 409, 413, 429, 503, 504, 500] == [code.number for code in Code]
    assert "internal error" == str(Internal())


def test_shout_is_for_admins_and_whisper_for_anyone() -> None:
    assert (Access.ADMIN, Access.ANYONE) == (SHOUT.access, WHISPER.access)


async def test_what_would_wait_too_long_in_the_queue_is_refused_at_once(
    worker: MemoryTransport, caller: MemoryTransport
) -> None:
    gate = Gate()
    service = sample(worker, gate, concurrency=1, queue_size=1000)
    await service.start()
    for _ in range(200):
        service._backlog.learn(0.5)
    calls = [asyncio.ensure_future(raw(caller, "sample.say")) for _ in range(3)]
    await until(lambda: gate.inside + service.queued == 3)
    refused = problem(await raw(caller, "sample.say"))
    assert ("overloaded", "queue_too_slow") == (refused.code, refused.reason)
    assert 2 == service.queued
    gate.open.set()
    await asyncio.gather(*calls)
