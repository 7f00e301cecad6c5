"""What a service answers: replies, faults, bugs, and what it refuses."""

import asyncio
import json

import pytest
from structlog.testing import capture_logs

from mesh.client.client import Client
from mesh.core.endpoint import Access, Endpoint
from mesh.core.errors import Code, Conflict, DeadlineExceeded, RemoteFault
from mesh.telemetry.logs import request_id
from mesh.transport.base import Message
from mesh.transport.memory import MemoryBroker, MemoryTransport
from tests.support.mesh.raw import problem, raw
from tests.support.mesh.sample_service import SAY, Gate, Said, SampleReason, Say, sample, say
from tests.support.waiting import until


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
        (b'{"text":"a","text":"a"}', "malformed_json", []),
        (b'{"loud":{"a":1,"\\u0061":2}}', "malformed_json", []),
        (b'{"loud":NaN}', "malformed_json", []),
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


@pytest.mark.parametrize(("unknown", "told"), [(500, 20), (1000, 20), (1001, 0), (1200, 0)])
async def test_thousands_of_unknown_fields_make_a_short_answer(
    broker: MemoryBroker, worker: MemoryTransport, caller: MemoryTransport, unknown: int, told: int
) -> None:
    broker.max_payload = 100_000
    await sample(worker).start()
    body = json.dumps({str(n): n for n in range(unknown)}).encode()
    said = problem(await raw(caller, "sample.say", body))
    assert (told, "invalid_payload") == (len(said.errors), said.reason)
    if not told:
        assert f"the payload has {unknown} mistakes" == said.detail


async def test_a_fault_crosses_the_wire_with_code_reason_and_detail(
    worker: MemoryTransport, caller: MemoryTransport
) -> None:
    async def fail(_: Say) -> Said:
        raise Conflict(SampleReason.ALREADY_SAID, "it was said before: ärgerlich")

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


async def test_a_reply_over_the_limit_becomes_a_problem(worker: MemoryTransport, caller: MemoryTransport) -> None:
    await sample(worker).start()
    reply = await raw(caller, "sample.say", b'{"text":"' + b"x" * 100 + b'","times":100}')
    assert ("413", "payload_too_large") == (reply.headers["Nats-Service-Error-Code"], problem(reply).code)


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
