import asyncio
from collections.abc import Mapping

import pytest

from mesh.client.client import Client
from mesh.client.retry import MOST_RETRIES, RetryBudget, pause
from mesh.core.context import Context, working_on
from mesh.core.endpoint import Access, Endpoint
from mesh.core.errors import CallError, DeadlineExceeded, Disconnected, NoResponder, Overloaded, Unavailable
from mesh.transport.base import NO_HEADERS, Deliver, Message, Resend, Subscription
from mesh.transport.memory import MemoryBroker, MemoryTransport
from mesh.wire.problem import error_reply
from tests.support.mesh.sample_service import SAY, SHOUT, Gate, Said, Say, sample
from tests.support.virtual_clock import in_virtual_time
from tests.support.waiting import until

SAID = Message("x", b'{"text":"hi"}')
HEADERS, BODY = error_reply(Unavailable("queue_full", "full"), "r1")
FULL = Message("x", BODY, HEADERS)


class Flaky:
    """A transport that answers by a script, one entry a request."""

    def __init__(self, *script: Message | CallError) -> None:
        self.script = list(script)
        self.asked = 0
        self.closed = asyncio.Event()
        self.connected = True
        self.reconnecting = False
        self.reconnects = 0

    async def request(
        self, subject: str, payload: bytes, headers: Mapping[str, str], timeout: float, resend: Resend | None = None
    ) -> Message:
        self.asked += 1
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def publish(
        self, subject: str, payload: bytes, headers: Mapping[str, str] = NO_HEADERS, reply: str = ""
    ) -> None:
        raise NotImplementedError  # a caller never publishes

    async def subscribe(self, subject: str, deliver: Deliver, queue: str = "") -> Subscription:
        raise NotImplementedError  # a caller never subscribes

    def inbox(self) -> str:
        return "_INBOX_flaky.1"

    async def flush(self) -> None:
        """Nothing waits."""

    async def close(self) -> None:
        self.closed.set()


@pytest.mark.parametrize("failure", [NoResponder("nobody"), FULL, Disconnected("broke", sent=True)])
@in_virtual_time
async def test_what_is_idempotent_is_tried_again(failure: Message | CallError) -> None:
    flaky = Flaky(failure, failure, SAID)
    assert Said(text="hi") == await Client(flaky).call(SAY, Say())
    assert 3 == flaky.asked


@pytest.mark.parametrize(
    ("failure", "kind"),
    [(NoResponder("nobody"), NoResponder), (FULL, Overloaded), (Disconnected("broke", sent=True), Disconnected)],
)
@in_virtual_time
async def test_what_is_not_idempotent_is_sent_once(failure: Message | CallError, kind: type[CallError]) -> None:
    flaky = Flaky(failure, SAID)
    with pytest.raises(kind):
        await Client(flaky).call(SHOUT, Say())
    assert 1 == flaky.asked


@in_virtual_time
async def test_a_service_that_stays_away_is_given_up_soon() -> None:
    flaky = Flaky(NoResponder("nobody"))
    with pytest.raises(NoResponder):
        await Client(flaky).call(SAY, Say())
    assert 1 + MOST_RETRIES == flaky.asked


@in_virtual_time
async def test_without_a_connection_the_caller_hears_so_at_once() -> None:
    flaky = Flaky(Disconnected("gone"))
    flaky.connected = False
    with pytest.raises(Disconnected):
        await Client(flaky).call(SAY, Say())
    assert 1 == flaky.asked


@pytest.mark.parametrize("then", [NoResponder("nobody"), FULL, Disconnected("gone")])
@in_virtual_time
async def test_what_was_sent_before_the_connection_broke_stays_unknown(then: Message | CallError) -> None:
    flaky = Flaky(Disconnected("broke", sent=True), then)
    with pytest.raises(Disconnected) as raised:
        await Client(flaky).call(SAY, Say())
    assert raised.value.sent


@in_virtual_time
async def test_a_connection_lost_a_moment_ago_is_waited_for() -> None:
    flaky = Flaky(*[Disconnected("gone")] * 6, SAID)
    flaky.connected, flaky.reconnecting = False, True
    assert "hi" == (await Client(flaky).call(SAY, Say())).text
    assert 7 == flaky.asked


@pytest.mark.parametrize("failure", [DeadlineExceeded.here("sample.say"), Message("x", b"not json")])
@in_virtual_time
async def test_what_may_have_been_done_or_is_wrong_is_not_tried_again(failure: Message | CallError) -> None:
    flaky = Flaky(failure, SAID)
    with pytest.raises(CallError):
        await Client(flaky).call(SAY, Say())
    assert 1 == flaky.asked


@in_virtual_time
async def test_retries_stop_when_the_budget_is_spent() -> None:
    flaky = Flaky(NoResponder("nobody"))
    client = Client(flaky)
    calls = [client.call(SAY, Say()) for _ in range(1000)]
    assert all(isinstance(one, NoResponder) for one in await asyncio.gather(*calls, return_exceptions=True))
    retries = flaky.asked - 1000
    assert 100 <= retries < 1000  # some, and not three for each


@in_virtual_time
async def test_the_budget_is_a_fifth_of_the_requests_beside_ten_a_second() -> None:
    budget = RetryBudget()
    while budget.spend():
        """Spend what a new budget holds."""
    for _ in range(50):
        budget.request()
    granted = 0
    while budget.spend():
        granted += 1
    assert 9 <= granted <= 12  # a fifth of 50, and what some milliseconds earn


def test_pauses_grow_and_vary() -> None:
    longest = [max(pause(retries) for _ in range(300)) for retries in range(4)]
    assert sorted(longest) == longest
    assert longest[-1] < 1


@pytest.mark.parametrize("idempotent", [True, False])
@in_virtual_time
async def test_after_a_silence_another_worker_is_asked_where_that_is_safe(idempotent: bool) -> None:  # noqa: FBT001
    broker = MemoryBroker()
    frozen, healthy, caller = (MemoryTransport(broker, name) for name in ("frozen", "healthy", "caller"))
    swallowed: list[Message] = []
    await frozen.subscribe("sample.say", swallowed.append, "q")
    await sample(healthy).start()
    say = Endpoint("sample.say", Say, Said, Access.ANYONE, idempotent=idempotent, timeout=0.3)
    client = Client(caller)
    outcomes: list[bool] = []
    for _ in range(4):
        try:
            await client.call(say, Say())
            outcomes.append(True)
        except DeadlineExceeded:
            outcomes.append(False)
    assert swallowed
    assert idempotent == all(outcomes)


@in_virtual_time
async def test_the_first_answer_counts_and_the_other_is_dropped() -> None:
    broker = MemoryBroker()
    worker, caller = MemoryTransport(broker, "worker"), MemoryTransport(broker, "caller")
    gate = Gate()
    service = sample(worker, gate)
    await service.start()
    say = Endpoint("sample.say", Say, Said, Access.ANYONE, idempotent=True, timeout=5)
    call = asyncio.ensure_future(Client(caller).call(say, Say(), timeout=1))
    await until(lambda: gate.inside == 3)
    gate.open.set()
    assert "hello" == (await call).text
    await service.drain()
    assert 3 == gate.passed


@in_virtual_time
async def test_a_write_with_an_idempotency_key_is_tried_again() -> None:
    keyed = Endpoint("sample.shout", Say, Said, Access.ADMIN, keyed=True)
    flaky = Flaky(NoResponder("nobody"), SAID)
    now = asyncio.get_running_loop().time()
    with working_on(Context("r1", now + 5, idempotency_key="once")):
        assert "hi" == (await Client(flaky).call(keyed, Say())).text
    flaky = Flaky(NoResponder("nobody"), SAID)
    with working_on(Context("r1", now + 5)), pytest.raises(NoResponder):
        await Client(flaky).call(keyed, Say())
