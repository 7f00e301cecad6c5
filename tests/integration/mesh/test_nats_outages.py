"""Servers that die, freeze and hang up, as nats-py would not survive them; each test fails without its handling."""

import asyncio
import signal
from contextlib import suppress

import pytest

from mesh.core.errors import Disconnected, NoResponder
from mesh.nats.settings import NatsSettings
from mesh.nats.transport import NatsTransport
from mesh.transport.base import Message
from tests.support.servers.nats_server import NatsServer, OneOfTwo, ServerFactory
from tests.support.waiting import until


async def test_a_request_in_flight_learns_at_once_that_the_server_died(server: NatsServer) -> None:
    caller = await server.connect()
    arrived = asyncio.Event()
    await caller.subscribe("silence.keep", lambda _: arrived.set())
    waiting = asyncio.create_task(caller.request("silence.keep", b"", {}, 60))
    await arrived.wait()
    await server.kill()
    with pytest.raises(Disconnected):
        await waiting
    await caller.close()


async def test_what_is_asked_while_disconnected_fails_at_once_and_never_runs(server: NatsServer) -> None:
    worker, caller = await server.connect("worker"), await server.connect("caller")
    seen: list[bytes] = []
    await worker.subscribe("work.do", lambda message: seen.append(message.payload))
    await server.kill()
    await until(lambda: not caller.connected and not worker.connected)
    with pytest.raises(Disconnected):
        await caller.request("work.do", b"zombie", {}, 60)
    with pytest.raises(Disconnected):
        await caller.publish("work.do", b"zombie")
    await server.start()
    await nothing_else_comes(worker, caller, seen)


async def test_what_was_not_written_yet_when_the_link_broke_is_not_sent_later(server: NatsServer) -> None:
    worker, caller = await server.connect("worker"), await server.connect("caller")
    seen: list[bytes] = []
    await worker.subscribe("work.do", lambda message: seen.append(message.payload))
    server.signal(signal.SIGSTOP)
    await fill(caller)
    with suppress(TimeoutError):
        async with asyncio.timeout(0.05):
            await caller.publish("work.do", b"zombie")  # behind megabytes that nobody reads
    caller.connection.socket.abort()
    await until(lambda: not caller.connected)
    server.signal(signal.SIGCONT)
    await nothing_else_comes(worker, caller, seen)


async def nothing_else_comes(worker: NatsTransport, caller: NatsTransport, seen: list[bytes]) -> None:
    """Once both are connected again, what is sent now is all that arrives."""
    await until(lambda: caller.connected and worker.connected)
    await worker.flush()  # the server knows its subscription again
    await caller.publish("work.do", b"alive")
    await caller.flush()
    await until(lambda: bool(seen))
    await worker.flush()
    assert [b"alive"] == seen
    await caller.close()
    await worker.close()


async def fill(transport: NatsTransport) -> None:
    """Send until every buffer on the way to a frozen server is full: one message waits, and not for a busy machine."""
    is_full = False
    while not is_full:
        try:
            async with asyncio.timeout(0.3):
                await transport.publish("void.fill", bytes(1_000_000))
        except TimeoutError:
            await asyncio.sleep(0.05)
            is_full = transport.connection.socket.full


async def test_subscriptions_come_back_after_a_restart(server: NatsServer) -> None:
    worker, caller = await server.connect("worker"), await server.connect("caller")
    answers: list[asyncio.Future[None]] = []

    def answer(message: Message) -> None:
        answers.append(asyncio.ensure_future(worker.publish(message.reply, b"back")))

    await worker.subscribe("work.do", answer, "q")
    for _ in range(2):
        await server.kill()
        await server.start()
        await until(lambda: caller.connected and worker.connected)
        await worker.flush()
        assert b"back" == (await caller.request("work.do", b"", {}, 5)).payload
    await caller.close()
    await worker.close()


async def test_a_drain_without_a_connection_ends_the_interest_for_good(server: NatsServer) -> None:
    worker, caller = await server.connect("worker"), await server.connect("caller")
    subscription = await worker.subscribe("work.do", lambda _: None, "q")
    await server.kill()
    await until(lambda: not worker.connected)
    await subscription.drain()
    await server.start()
    await until(lambda: caller.connected and worker.connected)
    await worker.flush()
    with pytest.raises(NoResponder):
        await caller.request("work.do", b"", {}, 60)
    await caller.close()
    await worker.close()


async def test_a_frozen_server_with_a_full_socket_buffer_is_left_for_another(one_of_two: OneOfTwo) -> None:
    transport, server, other = one_of_two
    server.signal(signal.SIGSTOP)
    await fill(transport)
    await until(lambda: other.serves(transport))
    await transport.flush()


async def test_a_drain_that_the_server_dies_in_ends_at_once_and_for_good(server: NatsServer) -> None:
    worker, caller = await server.connect("worker"), await server.connect("caller")
    subscription = await worker.subscribe("work.do", lambda _: None, "q")
    server.signal(signal.SIGSTOP)
    draining = asyncio.ensure_future(subscription.drain())
    await until(lambda: bool(worker.connection._pongs))  # noqa: SLF001  # nats-py has no public name for it
    await server.kill()
    async with asyncio.timeout(5):  # the library's own limit is 10
        await draining
    await server.start()
    await until(lambda: caller.connected and worker.connected)
    await worker.flush()
    with pytest.raises(NoResponder):
        await caller.request("work.do", b"", {}, 60)
    await caller.close()
    await worker.close()


async def test_an_attempt_that_fails_halfway_leaves_no_socket_open() -> None:
    closed: list[bool] = []
    seen_all = asyncio.Event()

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        attempt = len(closed)
        closed.append(False)
        if attempt == 1:
            seen_all.set()
        await reader.read()
        closed[attempt] = True
        writer.close()

    listener = await asyncio.start_server(mute, "127.0.0.1", 0)
    url = f"nats://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    connecting = asyncio.ensure_future(
        NatsTransport.connect(NatsSettings(nats_url=url, nats_connect_timeout=60), "test")
    )
    await seen_all.wait()
    await until(lambda: closed[0])
    connecting.cancel()
    with suppress(asyncio.CancelledError):
        await connecting
    listener.close()
    await until(lambda: closed[1])


async def test_close_is_bounded_even_when_the_server_reads_no_more(server: NatsServer) -> None:
    transport = await server.connect()
    server.signal(signal.SIGSTOP)
    await fill(transport)
    async with asyncio.timeout(8):  # 5 until the flush is given up, and nothing after it
        await transport.close()
    assert transport.closed.is_set()
    assert not transport.connection.socket.alive
    assert not transport.connection.is_reconnecting


async def test_a_link_that_the_server_closes_for_good_is_known(servers: ServerFactory) -> None:
    server = servers("max_subscriptions: 2")
    await server.start()
    transport = await server.connect()
    with suppress(Disconnected):
        for n in range(3):
            await transport.subscribe(f"one.too.many{n}", lambda _: None)
    await transport.closed.wait()
    assert not transport.connected


async def test_a_reader_that_died_is_noticed_and_another_connection_made(server: NatsServer) -> None:
    worker = await server.connect("worker")
    reading = worker.connection._reading_task  # noqa: SLF001  # nats-py has no public name for it
    assert reading
    reading.cancel()
    async with asyncio.timeout(8):  # the library's own pings take fifteen seconds
        await until(lambda: worker.connection._reading_task is not reading and worker.connected)  # noqa: SLF001  # nats-py has no public name for it
    await worker.flush()
    await worker.close()


async def test_writing_to_a_socket_that_is_closed_is_a_lost_connection_and_no_bug(server: NatsServer) -> None:
    transport = await server.connect()
    for _ in range(5):
        transport.connection.socket.abort()
        for _ in range(20):
            with suppress(Disconnected):
                await transport.publish("void.fill", b"x")
                await transport.flush()
        await until(lambda: transport.connected)
    await transport.close()
