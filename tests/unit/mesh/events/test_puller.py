"""The puller's bookkeeping, on a clock of its own: the server is the test."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from mesh.events.puller import Puller
from mesh.transport.base import Message
from mesh.transport.memory import MemoryBroker, MemoryTransport
from tests.support.virtual_clock import VirtualLoop

PULL = "$JS.API.CONSUMER.MSG.NEXT.EVENTS.sample"
Test = Callable[["Server"], Awaitable[None]]


class Server:
    """Hears pulls, and sends what a test wants."""

    def __init__(self) -> None:
        self.broker = MemoryBroker()
        self.pulls: list[Message] = []
        self.got: list[Message] = []
        self.transport = MemoryTransport(self.broker, "sample")
        self.puller = Puller(self.transport, "EVENTS", "sample", 8, self.got.append)

    @property
    def batches(self) -> list[int]:
        return [json.loads(pull.payload)["batch"] for pull in self.pulls]

    async def send(self, count: int) -> None:
        for _ in range(count):
            self.broker.route(Message(self.pulls[-1].reply, b"{}", {}, "$JS.ACK.EVENTS.sample.1.1.1.1.0"))
        await asyncio.sleep(0.01)

    async def status(self, status: str, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.broker.route(Message(self.pulls[-1].reply, b"", {"Status": status, **named}))
        await asyncio.sleep(0.01)

    def release(self, count: int) -> None:
        for _ in range(count):
            self.puller.release()


@asynccontextmanager
async def pulling() -> AsyncIterator[Server]:
    server = Server()
    await MemoryTransport(server.broker, "server").subscribe(PULL, server.pulls.append)
    await server.puller.start()
    await asyncio.sleep(0.01)
    yield server
    await server.puller.end()


def run(test: Test) -> None:
    loop = VirtualLoop()

    async def main() -> None:
        async with pulling() as server:
            await test(server)

    loop.run(main())
    loop.close()


def test_it_asks_for_as_much_as_there_is_room_for_and_again_for_a_quarter() -> None:
    async def test(server: Server) -> None:
        assert [8] == server.batches
        await server.send(8)
        server.release(1)
        await asyncio.sleep(0.01)
        assert [8] == server.batches
        server.release(1)
        await asyncio.sleep(0.01)
        assert [8, 2] == server.batches

    run(test)


def test_what_was_not_asked_for_is_left_to_the_server() -> None:
    async def test(server: Server) -> None:
        await server.send(12)
        assert 8 == len(server.got)

    run(test)


def test_a_pull_that_ends_is_followed_by_another_for_the_rest() -> None:
    async def test(server: Server) -> None:
        await server.send(3)
        await server.status("408", Nats_Pending_Messages="5")
        assert [8, 5] == server.batches
        assert server.pulls[0].reply == server.pulls[1].reply

    run(test)


@pytest.mark.parametrize("status", ["409", "503", "", "404"])
def test_a_pull_that_is_refused_is_repeated_after_a_second_on_another_inbox(status: str) -> None:
    async def test(server: Server) -> None:
        await server.status(status)
        await asyncio.sleep(0.9)
        assert 1 == len(server.pulls)
        await asyncio.sleep(1)
        assert [8, 8] == server.batches
        assert server.pulls[0].reply != server.pulls[1].reply

    run(test)


def test_heartbeats_keep_a_pull_and_silence_ends_it() -> None:
    async def test(server: Server) -> None:
        for _ in range(10):
            await asyncio.sleep(5)
            await server.status("100")
        assert 1 == len(server.pulls)
        await asyncio.sleep(14)
        assert 2 == len(server.pulls)

    run(test)


def test_a_reconnect_pulls_anew() -> None:
    async def test(server: Server) -> None:
        server.transport.disconnect()
        await asyncio.sleep(1)
        server.transport.reconnect()
        await asyncio.sleep(1)
        assert [8, 8] == server.batches

    run(test)


def test_a_pause_asks_for_nothing_until_it_ends() -> None:
    async def test(server: Server) -> None:
        await server.puller.pause()
        await server.send(1)
        await asyncio.sleep(60)
        assert (1, 0) == (len(server.pulls), len(server.got))
        server.puller.resume()
        await asyncio.sleep(0.01)
        assert [8, 8] == server.batches

    run(test)


def test_a_status_that_a_publisher_invents_is_a_message_like_any() -> None:
    async def test(server: Server) -> None:
        reply = "$JS.ACK.EVENTS.sample.1.1.1.1.0"
        server.broker.route(Message(server.pulls[-1].reply, b"", {"Status": "100"}, reply))
        await asyncio.sleep(0.01)
        assert 1 == len(server.got)

    run(test)
