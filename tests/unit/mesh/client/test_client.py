import asyncio
from collections.abc import AsyncIterator

import pytest

from contracts.customers import CustomerPatch, ListCustomers, UpdateCustomer
from mesh.client.client import Client
from mesh.core.context import Context, working_on
from mesh.core.endpoint import Access, Endpoint
from mesh.core.errors import (
    BadReply,
    Code,
    DeadlineExceeded,
    Disconnected,
    Fault,
    FieldError,
    Invalid,
    NoResponder,
    Overloaded,
    RateLimited,
    RemoteFault,
)
from mesh.transport.base import Message
from mesh.transport.memory import MemoryBroker, MemoryTransport
from mesh.wire.problem import error_reply
from subjects import CUSTOMERS_LIST, CUSTOMERS_UPDATE
from tests.support.mesh.sample_service import SAY, SHOUT, Said, Say


class Foreign:
    """A worker in another language: answers each request with the same bytes and headers, and keeps what came."""

    def __init__(self, transport: MemoryTransport) -> None:
        self.transport = transport
        self.seen: list[Message] = []
        self.body = b'{"text":"hi"}'
        self.headers: dict[str, str] = {}
        self._sending: set[asyncio.Task[None]] = set()

    def take(self, message: Message) -> None:
        self.seen.append(message)
        self.transport.broker.route(Message(message.reply, self.body, self.headers))


@pytest.fixture
def caller() -> MemoryTransport:
    return MemoryTransport(MemoryBroker(), "caller")


@pytest.fixture
async def foreign(caller: MemoryTransport) -> AsyncIterator[Foreign]:
    foreign = Foreign(MemoryTransport(caller.broker, "foreign"))
    for subject in ("sample.say", "sample.shout", "customers.list", "customers.update"):
        await foreign.transport.subscribe(subject, foreign.take, "q")
    yield foreign
    await foreign.transport.close()


async def test_a_reply_may_have_fields_that_we_do_not_know(caller: MemoryTransport, foreign: Foreign) -> None:
    foreign.body = b'{"text":"hi","since":"v2"}'
    assert Said(text="hi") == await Client(caller).call(SAY, Say())


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b"not json", b'{"text":null}', b"\xff\xfe"])
async def test_a_reply_that_does_not_fit_is_a_bad_reply(caller: MemoryTransport, foreign: Foreign, body: bytes) -> None:
    foreign.body = body
    with pytest.raises(BadReply, match=r"sample\.say"):
        await Client(caller).call(SAY, Say())


@pytest.mark.parametrize("fault", Fault.__subclasses__())
async def test_each_fault_comes_back_as_it_was_raised(
    caller: MemoryTransport, foreign: Foreign, fault: type[Fault]
) -> None:
    raised = fault("some_reason", "some detail") if fault.code is not Code.INTERNAL else fault()  # type: ignore[call-arg]
    foreign.headers, foreign.body = error_reply(raised, "r-1")
    with pytest.raises(RemoteFault) as caught:
        await Client(caller).call(SAY, Say())
    assert (raised.code, raised.reason, raised.detail) == (caught.value.code, caught.value.reason, caught.value.detail)


ERRORS = FieldError(field="f" * 100, reason="r" * 40, message="m" * 500)


async def test_the_longest_error_of_ours_comes_back_whole(caller: MemoryTransport, foreign: Foreign) -> None:
    names = ", ".join("\\U0010ffff" * 100 for _ in range(20))
    longest = Invalid("invalid_payload", f"the payload does not fit: {names}", [ERRORS] * 20)
    foreign.headers, foreign.body = error_reply(longest, "r-1")
    with pytest.raises(RemoteFault) as caught:
        await Client(caller).call(SAY, Say())
    assert (longest.reason, longest.detail, longest.errors) == (
        caught.value.reason,
        caught.value.detail,
        caught.value.errors,
    )


async def test_of_many_field_errors_the_first_are_told(caller: MemoryTransport, foreign: Foreign) -> None:
    foreign.headers, foreign.body = error_reply(Invalid("odd", "…", [ERRORS] * 50), "r-1")
    with pytest.raises(RemoteFault) as caught:
        await Client(caller).call(SAY, Say())
    assert 20 == len(caught.value.errors)


@pytest.mark.parametrize("seconds", [0, 1, 86_400])
async def test_a_worker_may_send_callers_away_for_a_day(
    caller: MemoryTransport, foreign: Foreign, seconds: int
) -> None:
    foreign.headers, foreign.body = error_reply(RateLimited("often", "…", seconds), "r-1")
    with pytest.raises(RemoteFault) as caught:
        await Client(caller).call(SAY, Say())
    assert ("often", seconds) == (caught.value.reason, caught.value.retry_after)


async def test_only_the_header_says_that_it_is_an_error(caller: MemoryTransport, foreign: Foreign) -> None:
    foreign.body = b'{"text":"hi","status":500,"code":"internal","error":"x"}'
    assert "hi" == (await Client(caller).call(SAY, Say())).text
    foreign.headers = {"nats-service-error-code": "404", "nats-service-error": "gone"}
    with pytest.raises(RemoteFault) as caught:
        await Client(caller).call(SAY, Say())
    assert (Code.NOT_FOUND, "not_found") == (caught.value.code, caught.value.reason)


async def test_overload_and_deadline_have_errors_of_their_own(caller: MemoryTransport, foreign: Foreign) -> None:
    foreign.headers = {"Nats-Service-Error-Code": "503"}
    with pytest.raises(Overloaded):
        await Client(caller).call(SAY, Say())
    foreign.headers = {"Nats-Service-Error-Code": "504"}
    with pytest.raises(DeadlineExceeded):
        await Client(caller).call(SAY, Say())


@pytest.mark.parametrize("number", ["418", "", "abc", "9" * 100])
async def test_an_unknown_error_number_is_a_bad_reply(caller: MemoryTransport, foreign: Foreign, number: str) -> None:
    foreign.headers = {"Nats-Service-Error-Code": number}
    with pytest.raises(BadReply):
        await Client(caller).call(SAY, Say())


async def test_absent_and_null_stay_two_things(caller: MemoryTransport, foreign: Foreign) -> None:
    foreign.body = b'{"items":[],"next_cursor":null}'
    await Client(caller).call(CUSTOMERS_LIST, ListCustomers(region=None, limit=1))
    assert b'{"region":null,"limit":1}' == foreign.seen[0].payload
    update = UpdateCustomer(customer_id="ALFKI", expected_version=1, patch=CustomerPatch(city=None))
    with pytest.raises(BadReply):
        await Client(caller).call(CUSTOMERS_UPDATE, update)
    assert b'{"customer_id":"ALFKI","expected_version":1,"patch":{"city":null}}' == foreign.seen[1].payload


async def test_a_token_goes_only_where_it_is_of_use(caller: MemoryTransport, foreign: Foreign) -> None:
    context = Context("r-1", asyncio.get_running_loop().time() + 60, authorization="Bearer x")
    with working_on(context):
        await Client(caller).call(SAY, Say())
        await Client(caller).call(SHOUT, Say())
    assert [None, "Bearer x"] == [message.headers.get("Authorization") for message in foreign.seen]


async def test_no_call_outlives_the_deadline_of_the_request_at_hand(caller: MemoryTransport, foreign: Foreign) -> None:
    with working_on(Context("r-1", asyncio.get_running_loop().time() - 1)), pytest.raises(DeadlineExceeded):
        await Client(caller).call(SAY, Say())
    assert [] == foreign.seen


async def test_nobody_and_no_connection_are_two_errors(caller: MemoryTransport) -> None:
    with pytest.raises(NoResponder):
        await Client(caller).call(SAY, Say())
    caller.disconnect()
    with pytest.raises(Disconnected):
        await Client(caller).call(SAY, Say())


def test_a_subject_must_be_lower_case_tokens() -> None:
    for wrong in ("get", "Customers.get", "customers.get-many", "customers..get", "customers.*", "a.b.c.d.e", "a.b "):
        with pytest.raises(ValueError, match="not a subject"):
            Endpoint(wrong, Say, Said, Access.ANYONE)
    with pytest.raises(ValueError, match="timeout"):
        Endpoint("a.b", Say, Said, Access.ANYONE, timeout=0)
