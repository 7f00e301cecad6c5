"""A socket to a peer that receives, sends and hangs up at will."""

import asyncio
import socket
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from select import select
from urllib.parse import urlparse

import pytest

from mesh.nats.socket import NatsSocket
from tests.support.waiting import until


class Peer(asyncio.Protocol):
    """The other end."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        self.received.append(data)


@pytest.fixture
async def peer() -> Peer:
    return Peer()


@pytest.fixture
async def nats_socket(peer: Peer) -> AsyncIterator[NatsSocket]:
    server = await asyncio.get_running_loop().create_server(lambda: peer, "127.0.0.1", 0)
    nats_socket = NatsSocket()
    await nats_socket.connect(urlparse(f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"), 0, 5)
    await until(lambda: hasattr(peer, "transport"))
    yield nats_socket
    nats_socket.abort()
    peer.transport.abort()
    server.close()
    await server.wait_closed()


class Socket(asyncio.Transport):
    """Keeps each call."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Any amount fits."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))


async def test_what_is_written_in_one_turn_leaves_together() -> None:
    nats_socket, socket = NatsSocket(), Socket()
    nats_socket.connection_made(socket)
    for turn in (b"a", b"b"):
        for _ in range(100):
            nats_socket.write(turn)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert [b"a" * 100, b"b" * 100] == socket.written


async def test_what_is_much_leaves_before_the_turn_ends() -> None:
    nats_socket, socket = NatsSocket(), Socket()
    nats_socket.connection_made(socket)
    for _ in range(10):
        nats_socket.write(bytes(60_000))
    assert 5 == len(socket.written)


async def test_everything_arrives_in_order_whatever_its_size(nats_socket: NatsSocket, peer: Peer) -> None:
    sent = bytearray()
    for n in range(60):
        data = bytes([n]) * (n**3)
        sent += data
        nats_socket.write(data)
        if n % 7 == 0:
            await asyncio.sleep(0)
    nats_socket.writelines([b"the", b" end"])
    await until(lambda: sum(map(len, peer.received)) == len(sent) + 7)
    assert sent + b"the end" == b"".join(peer.received)


async def test_a_loop_that_never_waits_keeps_no_more_than_a_link_holds(nats_socket: NatsSocket, peer: Peer) -> None:
    peer.transport.pause_reading()
    written = 0
    while not nats_socket.full:
        nats_socket.write(bytes(1_000_000))
        written += 1
    assert 3 <= written < 100
    draining = asyncio.ensure_future(nats_socket.drain())
    await asyncio.sleep(0.01)
    assert not draining.done()
    peer.transport.resume_reading()
    await draining
    assert not nats_socket.full


async def test_lines_first_and_then_all_that_comes(nats_socket: NatsSocket, peer: Peer) -> None:
    reading = asyncio.ensure_future(nats_socket.readline())
    peer.transport.write(b"INFO")
    await asyncio.sleep(0.01)
    assert not reading.done()
    peer.transport.write(b" {}\r\nPONG\r\nMSG")
    assert b"INFO {}\r\n" == await reading
    assert b"PONG\r\n" == await nats_socket.readline()
    came: list[bytes] = []
    lost: list[None] = []
    nats_socket.deliver_to(came.append, lambda: lost.append(None))
    assert [b"MSG"] == came
    peer.transport.write(b" a 1 0")
    await until(lambda: len(came) == 2)
    assert b" a 1 0" == came[1]
    assert not lost
    peer.transport.close()
    await until(lambda: bool(lost))
    assert nats_socket.at_eof()
    nats_socket.deliver_to(came.append, lambda: lost.append(None))
    assert [None, None] == lost, "who comes too late hears it at once"


async def test_a_line_that_does_not_end_ends_with_the_link(nats_socket: NatsSocket, peer: Peer) -> None:
    peer.transport.write(b"half a line")
    peer.transport.close()
    assert b"half a line" == await nats_socket.readline()
    assert b"" == await nats_socket.readline()


@pytest.mark.parametrize("how", ["they close", "they abort", "we abort", "we close"])
async def test_a_lost_link_is_an_os_error_and_nothing_else(nats_socket: NatsSocket, peer: Peer, how: str) -> None:
    """Of a closed socket that is written to uvloop says RuntimeError, which would end the library's reconnecting."""
    end = {
        "they close": peer.transport.close,
        "they abort": peer.transport.abort,
        "we abort": nats_socket.abort,
        "we close": nats_socket.close,
    }[how]
    lost: list[None] = []
    nats_socket.deliver_to(lambda _: None, lambda: lost.append(None))
    end()
    while nats_socket.alive:
        with suppress(OSError):
            nats_socket.write(b"x")
            await nats_socket.drain()
        await asyncio.sleep(0)
    for _ in range(3):
        with pytest.raises(ConnectionError):
            nats_socket.write(b"x")
        with pytest.raises(ConnectionError):
            nats_socket.writelines([b"x"])
        with pytest.raises(ConnectionError):
            await nats_socket.drain()
        nats_socket.close()
        nats_socket.abort()
        await asyncio.sleep(0)
    await nats_socket.wait_closed()
    assert [None] == lost


async def test_what_was_not_sent_when_it_was_aborted_never_is(nats_socket: NatsSocket, peer: Peer) -> None:
    nats_socket.write(b"first")
    await until(lambda: bool(peer.received))
    nats_socket.write(b"second")
    nats_socket.abort()
    await asyncio.sleep(0.02)
    assert [b"first"] == peer.received


async def test_a_link_that_was_never_there_is_a_lost_one() -> None:
    nats_socket = NatsSocket()
    assert not nats_socket.alive
    with pytest.raises(ConnectionError):
        nats_socket.write(b"x")
    assert b"" == await nats_socket.readline()
    nats_socket.close()
    await nats_socket.wait_closed()


async def test_what_waits_for_a_peer_that_stood_still_is_not_sent_after_an_abort() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as thread:
        nats_socket = NatsSocket()
        await nats_socket.connect(urlparse(f"nats://127.0.0.1:{server.getsockname()[1]}"), 0, 5)
        peer, _ = server.accept()
        written = 0
        while not nats_socket.full:
            nats_socket.write(bytes(1_000_000))
            written += 1_000_000
            await asyncio.sleep(0)
        assert nats_socket.transport
        left = nats_socket.transport.get_write_buffer_size()
        reading = thread.submit(_read, peer)
        select(
            [], [nats_socket.transport.get_extra_info("socket")], []
        )  # in this very turn of the loop the peer makes room
        nats_socket.abort()
        assert 0 < written - left == await asyncio.wrap_future(reading)


def _read(peer: socket.socket) -> int:
    """How much comes until the end."""
    came = 0
    with peer, suppress(ConnectionError):
        while some := peer.recv(1_000_000):
            came += len(some)
    return came
