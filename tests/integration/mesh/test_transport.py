"""One suite for every transport: what holds in memory holds on real NATS."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from mesh.core.errors import DeadlineExceeded, Disconnected, NoResponder, TooLarge, Unavailable
from mesh.nats.transport import NatsTransport
from mesh.transport.base import Message, Resend, Transport
from mesh.transport.memory import MemoryBroker, MemoryTransport
from mesh.wire.problem import error_reply
from tests.support.servers.nats_server import ServerFactory

Connect = Callable[[], Awaitable[Transport]]
_LIMIT = 1_048_576


@pytest.fixture(params=["memory", "nats"])
async def connect(request: pytest.FixtureRequest, servers: ServerFactory) -> AsyncIterator[Connect]:
    opened: list[Transport] = []
    broker = MemoryBroker(max_payload=_LIMIT)
    server = servers() if request.param == "nats" else None
    if server:
        await server.start()

    async def one() -> Transport:
        opened.append(await server.connect() if server else MemoryTransport(broker))
        return opened[-1]

    yield one
    for transport in opened:
        await transport.close()


@pytest.fixture
async def caller(connect: Connect) -> Transport:
    return await connect()


@pytest.fixture
async def worker(connect: Connect) -> Transport:
    return await connect()


async def serve(transport: Transport, subject: str, answer: bytes | None = None, queue: str = "") -> list[Message]:
    """Answer every request on the subject, and keep what came; with `answer` None the payload is sent back."""
    seen: list[Message] = []
    sending = set[asyncio.Task[None]]()

    def take(message: Message) -> None:
        seen.append(message)
        if message.reply:
            body = message.payload if answer is None else answer
            task = asyncio.ensure_future(transport.publish(message.reply, body, {"Served": "yes"}))
            sending.add(task)
            task.add_done_callback(sending.discard)

    await transport.subscribe(subject, take, queue)
    return seen


async def test_a_request_is_answered(caller: Transport, worker: Transport) -> None:
    seen = await serve(worker, "echo.say")
    reply = await caller.request("echo.say", b"hello", {"X-Request-Id": "abc"}, 5)
    assert b"hello" == reply.payload
    assert "yes" == reply.headers["Served"]
    assert "abc" == seen[0].headers["X-Request-Id"]
    assert "X-Request-Id" not in reply.headers


async def test_each_of_many_requests_gets_its_own_answer(caller: Transport, worker: Transport) -> None:
    await serve(worker, "echo.say")
    replies = await asyncio.gather(*(caller.request("echo.say", str(n).encode(), {}, 10) for n in range(500)))
    assert [str(n).encode() for n in range(500)] == [reply.payload for reply in replies]


async def test_a_subject_that_nobody_serves_is_said_at_once(caller: Transport) -> None:
    with pytest.raises(NoResponder, match=r"nobody\.home"):
        await caller.request("nobody.home", b"", {}, 60)


async def test_silence_ends_at_the_timeout(caller: Transport, worker: Transport) -> None:
    await worker.subscribe("silence.keep", lambda _: None)
    with pytest.raises(DeadlineExceeded):
        await caller.request("silence.keep", b"", {}, 0.05)


async def test_nobody_to_be_asked_again_says_nothing_of_the_one_who_was_asked(
    caller: Transport, worker: Transport
) -> None:
    asked: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
    gone, again = asyncio.Event(), asyncio.Event()

    def allowed() -> bool:
        if gone.is_set():
            again.set()
        return gone.is_set()

    subscription = await worker.subscribe("work.do", asked.set_result)
    asking = asyncio.ensure_future(caller.request("work.do", b"?", {}, 60, Resend(0.02, allowed)))
    message = await asked
    await subscription.drain()
    gone.set()
    await again.wait()
    await caller.flush()  # the server has said that nobody is there
    assert not asking.done()
    await worker.publish(message.reply, b"done after all")
    assert b"done after all" == (await asking).payload


async def test_a_second_worker_that_takes_no_more_says_nothing_of_the_first(
    caller: Transport, worker: Transport
) -> None:
    asked: asyncio.Queue[Message] = asyncio.Queue()
    again = iter([True])
    await worker.subscribe("work.do", asked.put_nowait)
    resend = Resend(0.02, lambda: next(again, False))
    asking = asyncio.ensure_future(caller.request("work.do", b"?", {}, 60, resend))
    first, second = await asked.get(), await asked.get()
    assert first.reply != second.reply
    headers, body = error_reply(Unavailable("queue_full", "full"), "r1")
    await worker.publish(second.reply, body, headers)
    await worker.flush()
    await caller.flush()
    assert not asking.done()
    await worker.publish(first.reply, body, headers)
    assert body == (await asking).payload


async def test_silences_before_asking_again_grow_by_the_rule(caller: Transport, worker: Transport) -> None:
    asked_at: list[float] = []
    loop = asyncio.get_running_loop()
    await worker.subscribe("work.do", lambda _: asked_at.append(loop.time()))
    asking = asyncio.ensure_future(caller.request("work.do", b"?", {}, 60, Resend(0.03, lambda: True, 3.0)))
    while len(asked_at) < 4:
        await asyncio.sleep(0.005)
    asking.cancel()
    # Later than this they may come, on a busy machine.
    assert asked_at[3] - asked_at[0] >= 0.03 + 0.09 + 0.27 - 0.01


async def test_a_queue_group_gets_each_request_once(connect: Connect, caller: Transport) -> None:
    one, two = await connect(), await connect()
    seen_by_one = await serve(one, "work.do", queue="q")
    seen_by_two = await serve(two, "work.do", queue="q")
    await asyncio.gather(*(caller.request("work.do", b"", {}, 10) for _ in range(100)))
    assert 100 == len(seen_by_one) + len(seen_by_two)
    assert seen_by_one
    assert seen_by_two


async def test_an_event_reaches_every_subscriber_and_wildcards_match(connect: Connect, caller: Transport) -> None:
    exact, star, rest = [await connect() for _ in range(3)]
    seen = [
        await serve(exact, "events.auth.revoked"),
        await serve(star, "events.*.revoked"),
        await serve(rest, "events.>"),
    ]
    other = await serve(rest, "events.auth")
    await caller.publish("events.auth.revoked", b"x", {"A": "b"})
    await caller.publish("events.auth", b"y")
    await caller.flush()
    for one in (exact, star, rest):
        await one.flush()
    assert [[b"x"], [b"x"], [b"x", b"y"]] == [[message.payload for message in one] for one in seen]
    assert [b"y"] == [message.payload for message in other]


async def test_a_subscription_is_in_force_when_subscribe_returns(connect: Connect, caller: Transport) -> None:
    worker = await connect()
    for n in range(100):
        await serve(worker, f"fresh.s{n}")
        await caller.request(f"fresh.s{n}", b"", {}, 5)


async def test_a_drained_subscription_has_delivered_everything_and_gets_nothing_more(
    caller: Transport, worker: Transport
) -> None:
    seen: list[Message] = []
    subscription = await worker.subscribe("late.come", seen.append)
    for _ in range(200):
        await caller.publish("late.come", b"x")
    await caller.flush()
    await subscription.drain()
    assert 200 == len(seen)
    with pytest.raises(NoResponder):
        await caller.request("late.come", b"", {}, 5)
    assert 200 == len(seen)


@pytest.mark.parametrize("headers", [{}, {"Name": "v" * 100}])
async def test_what_fits_exactly_goes_through_and_one_byte_more_is_refused_here(
    caller: Transport, worker: Transport, headers: dict[str, str]
) -> None:
    await serve(worker, "big.send", b"ok")
    room = _LIMIT - (12 + 4 + 4 + 100 if headers else 0)
    assert b"ok" == (await caller.request("big.send", bytes(room), headers, 10)).payload
    with pytest.raises(TooLarge):
        await caller.request("big.send", bytes(room + 1), headers, 10)
    with pytest.raises(TooLarge):
        await caller.publish("big.send", bytes(room + 1), headers)
    assert caller.connected
    assert b"ok" == (await caller.request("big.send", b"", {}, 10)).payload


async def test_close_ends_requests_that_wait_and_refuses_new_ones(caller: Transport, worker: Transport) -> None:
    arrived = asyncio.Event()
    await worker.subscribe("silence.keep", lambda _: arrived.set())
    waiting = asyncio.create_task(caller.request("silence.keep", b"", {}, 60))
    await arrived.wait()
    await caller.close()
    with pytest.raises(Disconnected) as lost:
        await waiting
    assert lost.value.sent
    with pytest.raises(Disconnected) as refused:
        await caller.request("silence.keep", b"", {}, 60)
    assert not refused.value.sent
    assert caller.closed.is_set()


async def test_a_cancelled_request_leaves_nothing_behind(caller: Transport, worker: Transport) -> None:
    arrived = asyncio.Event()
    await worker.subscribe("silence.keep", lambda _: arrived.set())
    waiting = asyncio.create_task(caller.request("silence.keep", b"", {}, 60))
    await arrived.wait()
    waiting.cancel()
    await asyncio.wait([waiting])
    assert isinstance(caller, NatsTransport | MemoryTransport)
    assert 0 == caller.pending_requests


async def test_a_transport_without_a_connection_takes_no_subscription(caller: Transport) -> None:
    await caller.close()
    with pytest.raises(Disconnected):
        await caller.subscribe("events.*", lambda _: None)
