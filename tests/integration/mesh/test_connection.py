"""What nats-py's client would do where messages pass and connections come and go; each test fails without our part."""

import asyncio
import json
import signal
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import nats.errors
import pytest

from mesh.core.errors import Disconnected, NoResponder
from mesh.nats.client import publish_command
from mesh.nats.settings import NatsSettings
from mesh.nats.transport import NatsTransport
from mesh.transport.base import Message, Resend
from tests.support.servers.nats_server import NatsServer, OneOfTwo
from tests.support.waiting import until


async def test_whoever_fails_to_take_a_message_takes_the_next(server: NatsServer) -> None:
    worker, caller = await server.connect("worker"), await server.connect("caller")
    seen: list[bytes] = []

    def take(message: Message) -> None:
        seen.append(message.payload)
        raise RuntimeError(message.payload)

    await worker.subscribe("work.do", take)
    for body in (b"1", b"2"):
        await caller.publish("work.do", body)
    await caller.flush()
    await worker.flush()
    assert [b"1", b"2"] == seen
    assert worker.reconnects == 0
    await worker.close()
    await caller.close()


async def test_messages_come_in_the_order_in_which_they_were_sent(server: NatsServer) -> None:
    worker, caller = await server.connect("worker"), await server.connect("caller")
    seen: list[int] = []
    for subject in ("work.one", "work.two", "work.*"):
        await worker.subscribe(subject, lambda message: seen.append(int(message.payload)))
    for n in range(500):
        await caller.publish(("work.one", "work.two")[n % 2], str(n).encode(), {"N": "x" * n} if n % 3 else {})
    await caller.flush()
    await worker.flush()
    assert [n for n in range(500) for _ in range(2)] == seen
    await worker.close()
    await caller.close()


async def test_an_answer_to_a_flush_that_was_given_up_does_not_end_the_reading(server: NatsServer) -> None:
    """The library fails on it, logs that, and reads no more."""
    transport = await server.connect()
    reading = transport.connection._reading_task  # noqa: SLF001  # nats-py has no public name for it
    server.signal(signal.SIGSTOP)
    given_up = 0
    while given_up < 3:
        try:
            async with asyncio.timeout(0.01):
                await transport.flush()
        except TimeoutError:
            given_up += 1
    server.signal(signal.SIGCONT)
    await transport.flush()
    assert reading is transport.connection._reading_task  # noqa: SLF001  # nats-py has no public name for it
    assert transport.connection.reading
    await transport.close()


async def test_a_flush_without_a_connection_confirms_nothing(server: NatsServer) -> None:
    transport = await server.connect()
    await server.kill()
    with pytest.raises(Disconnected):
        await transport.flush()
    await until(lambda: transport.connection.is_reconnecting)
    with pytest.raises(Disconnected):
        await transport.flush()
    await transport.close()


async def cancelled_while_it_waits(server: NatsServer, work: Coroutine[Any, Any, object]) -> None:
    """Begin it on a server that does not answer, cancel it, and have the server answer again."""
    server.signal(signal.SIGSTOP)
    task = asyncio.ensure_future(work)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    server.signal(signal.SIGCONT)


async def test_to_subscribe_and_be_cancelled_leaves_no_interest_behind(server: NatsServer) -> None:
    worker, caller = await server.connect("worker"), await server.connect("caller")
    await cancelled_while_it_waits(server, worker.subscribe("work.do", lambda _: None, "q"))
    await worker.flush()
    with pytest.raises(NoResponder):
        await caller.request("work.do", b"", {}, 5)
    await worker.close()
    await caller.close()


async def test_a_drain_that_is_cancelled_loses_nothing_and_ends_the_interest_for_good(server: NatsServer) -> None:
    worker, caller = await server.connect("worker"), await server.connect("caller")
    seen: list[bytes] = []
    subscription = await worker.subscribe("work.do", lambda message: seen.append(message.payload), "q")

    async def hear_of_work_and_leave() -> None:
        await worker.publish("work.do", b"routed before the end")
        await subscription.drain()

    await cancelled_while_it_waits(server, hear_of_work_and_leave())
    await worker.flush()
    assert [b"routed before the end"] == seen
    worker.connection.socket.abort()
    await until(lambda: worker.reconnects == 1)
    await worker.flush()
    with pytest.raises(NoResponder):
        await caller.request("work.do", b"", {}, 5)
    await worker.close()
    await caller.close()


async def test_a_silent_worker_is_asked_again_and_the_first_answer_counts(server: NatsServer) -> None:
    worker, caller = await server.connect("worker"), await server.connect("caller")
    seen: list[Message] = []
    sending = set[asyncio.Task[None]]()

    def take(message: Message) -> None:
        seen.append(message)
        if len(seen) == 3:
            sending.update(asyncio.ensure_future(worker.publish(message.reply, body)) for body in (b"1", b"2"))

    await worker.subscribe("work.do", take)
    reply = await caller.request("work.do", b"?", {"A": "b"}, 60, Resend(0.02, lambda: True))
    assert b"1" == reply.payload
    assert [(b"?", "b")] * 3 == [(message.payload, message.headers["A"]) for message in seen]
    assert 3 == len({message.reply for message in seen}), "NATS lets a worker answer once to each"
    await worker.close()
    await caller.close()


@pytest.mark.parametrize(
    ("subject", "reply"),
    [
        ("", ""),
        ("", "r"),
        ("a b", ""),
        ("a b", " "),
        ("a", "r s"),
        ("a\r\nPUB b", "r"),
        ("a\nb", ""),
        ("a\tb", ""),
        ("a", "r 1\r\nx\r\nPUB b"),
    ],
)
def test_no_subject_makes_another_command(subject: str, reply: str) -> None:
    for head in (b"", b"NATS/1.0\r\nA: b\r\n\r\n"):
        with pytest.raises(nats.errors.BadSubjectError):
            publish_command(subject, b"x", head, reply)


def test_a_publication_is_what_the_protocol_says() -> None:
    assert b"PUB a.b  2\r\nhi\r\n" == publish_command("a.b", b"hi", b"", "")
    assert b"PUB a.b r.s 0\r\n\r\n" == publish_command("a.b", b"", b"", "r.s")
    assert b"HPUB \xc3\xa9 r 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nhi\r\n" == publish_command(
        "é", b"hi", b"NATS/1.0\r\nA: b\r\n\r\n", "r"
    )


async def test_a_link_that_is_given_up_is_not_waited_for_though_it_holds_what_was_not_sent(
    one_of_two: OneOfTwo,
) -> None:
    transport, server, other = one_of_two
    server.signal(signal.SIGSTOP)
    while not transport.connection.socket.full:
        transport.connection.send(publish_command("void.fill", bytes(1_000_000), b"", ""))
    await transport.connection._process_op_err(nats.errors.ProtocolError())  # noqa: SLF001  # nats-py has no public name for it
    async with asyncio.timeout(10):
        await until(lambda: other.serves(transport))
    await transport.flush()


def loops(but: set[asyncio.Task[object]]) -> list[str]:
    """The tasks of the library that are to run once for each connection, but for those of others."""
    names = [getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks() - but]
    return sorted(name for name in names if name.endswith(("._read_loop", "._flusher", "._ping_interval")))


async def test_servers_that_hang_up_in_mid_reconnect_do_not_end_reconnecting() -> None:
    connections, others = 0, asyncio.all_tasks()

    async def moody(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Be a server: a good one at first, then one that hangs up after its greeting, and a good one again."""
        nonlocal connections
        connections += 1
        good = connections in (1, 6)
        info = {"server_id": "x", "version": "2.15.1", "max_payload": 1_048_576, "headers": True}
        writer.write(b"INFO " + json.dumps(info).encode() + b"\r\n")
        with suppress(OSError):
            while line := await reader.readline():
                if line == b"PING\r\n":
                    writer.write(b"PONG\r\n")
                    if not good:
                        writer.transport.abort()
                if line.startswith(b"PUB hang.up"):
                    writer.transport.abort()
        writer.close()

    listener = await asyncio.start_server(moody, "127.0.0.1", 0)
    url = f"nats://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    transport = await NatsTransport.connect(NatsSettings(nats_url=url), "test")
    for n in range(50):
        await transport.subscribe(f"many.subscriptions{n}", lambda _: None)
    await transport.publish("hang.up", b"")
    await until(lambda: connections == 6)
    await until(lambda: transport.connected)
    await transport.flush()
    await until(lambda: loops(others) == ["Client._flusher", "Client._ping_interval", "NatsConnection._read_loop"])
    await transport.close()
    listener.close()
