"""A worker answers with no fault that its endpoint does not declare, nor with another code than the reason's."""

import pytest
from structlog.testing import capture_logs

from contracts.base import Reason
from mesh.client.client import Client
from mesh.core.context import caller as current_caller
from mesh.core.endpoint import Access, Endpoint
from mesh.core.errors import Code, Conflict, Fault, NotFound, RateLimited, RemoteFault, Unavailable
from mesh.core.reasons import COMMON, KEYED, VERIFIED
from mesh.service.idempotency import key_reused
from mesh.telemetry.logs import request_id
from mesh.transport.memory import MemoryBroker, MemoryTransport
from tests.support.mesh.raw import problem, raw
from tests.support.mesh.sample_service import SAY, Said, SampleReason, Say, sample
from tests.support.virtual_clock import in_virtual_time


def test_a_reason_is_its_name_and_has_a_code() -> None:
    assert ("already_said", "conflict") == (SampleReason.ALREADY_SAID, SampleReason.ALREADY_SAID.code)


def test_an_endpoint_tells_the_code_of_each_of_its_reasons() -> None:
    own = {"already_said": Code.CONFLICT, "too_often": Code.RATE_LIMITED}
    assert {**COMMON, **own} == SAY.codes
    plain = Endpoint("sample.plain", Say, Said, Access.ANYONE)
    verified = Endpoint("sample.verified", Say, Said, Access.USER, verified=True)
    keyed = Endpoint("sample.keyed", Say, Said, Access.ANYONE, keyed=True)
    assert (COMMON, {**COMMON, **VERIFIED}, {**COMMON, **KEYED}) == (plain.codes, verified.codes, keyed.codes)


def test_a_reason_with_an_unknown_code_cannot_be_declared() -> None:
    class Wrong(Reason):
        GONE = "gone", "customer_gone"

    with pytest.raises(ValueError, match="gone"):
        Endpoint("sample.wrong", Say, Said, Access.ANYONE, reasons=(Wrong.GONE,))


@pytest.mark.parametrize(
    "fault",
    [
        Conflict(SampleReason.ALREADY_SAID, "it was said before"),
        RateLimited("too_often", "wait"),
        Unavailable("database_unavailable", "the database is away"),
    ],
    ids=lambda fault: fault.reason,
)
@in_virtual_time
async def test_a_declared_fault_crosses_the_wire(fault: Fault) -> None:
    async def fail(_: Say) -> Said:
        raise fault

    broker = MemoryBroker()
    await sample(MemoryTransport(broker, "worker"), fail).start()
    with pytest.raises(RemoteFault) as caught:
        await Client(MemoryTransport(broker, "caller")).call(SAY, Say())
    assert (fault.code, fault.reason) == (caught.value.code, caught.value.reason)


@pytest.mark.parametrize(
    "fault",
    [
        NotFound("customer_not_found", "there is no customer"),
        NotFound(SampleReason.ALREADY_SAID, "the code of another reason"),
        Conflict("queue_full", "a common reason, with another code"),
        key_reused(),
    ],
    ids=lambda fault: f"{fault.code}-{fault.reason}",
)
async def test_any_other_is_logged_once_and_answered_as_a_bug(
    worker: MemoryTransport, caller: MemoryTransport, fault: Fault
) -> None:
    async def fail(_: Say) -> Said:
        raise fault

    await sample(worker, fail).start()
    with capture_logs(processors=[request_id]) as logs:
        reply = await raw(caller, "sample.say", headers={"X-Request-Id": "r-7"})
    said = problem(reply)
    assert ("internal", "internal", "internal error") == (said.code, said.reason, said.detail)
    errors = [line for line in logs if line["log_level"] == "error"]
    assert [("undeclared_fault", "sample.say", fault.code, fault.reason, "r-7")] == [
        (line["event"], line["subject"], line["code"], line["reason"], line["request_id"]) for line in errors
    ]


async def test_a_handler_that_needs_a_caller_must_have_the_token_verified(
    worker: MemoryTransport, caller: MemoryTransport
) -> None:
    async def ask(_: Say) -> Said:
        return Said(text=current_caller().user_id)

    await sample(worker, ask).start()
    assert "internal" == problem(await raw(caller, "sample.say")).reason
    assert "token_required" == problem(await raw(caller, "sample.whisper")).reason
