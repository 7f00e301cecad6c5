import asyncio
import ctypes
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from httpx2 import AsyncClient, ConnectError

from gateway.routing.following import HEARTBEAT
from gateway.server import listener, serve_until
from gateway.settings import GatewaySettings
from mesh.process.run import StartError
from mesh.transport.base import Message
from mesh.transport.memory import MemoryTransport
from tests.support.gateway.feed_stream import FeedStream
from tests.support.gateway.resources import CHAI
from tests.support.gateway.tokens import bearer
from tests.support.gateway.world import World

_BPF_RETURN = 0x06
_SO_ATTACH_FILTER = 26  # Linux; Python has no name for it


@pytest.fixture
def stop() -> asyncio.Event:
    """Set when the gateway shall end."""
    return asyncio.Event()


@pytest.fixture
async def serving(stop: asyncio.Event, transport: MemoryTransport) -> AsyncIterator[tuple[str, asyncio.Task[None]]]:
    """The address of a gateway that runs, and the task that it runs in."""
    settings = GatewaySettings(gateway_stop_delay=0.2)
    with listener("127.0.0.1", 0) as listening:
        task = asyncio.create_task(serve_until(stop, settings, transport, listening))
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", task
        stop.set()
        await asyncio.wait([task])


async def reachable(http: AsyncClient) -> None:
    while True:
        try:
            await http.get("/healthz")
        except ConnectError:
            await asyncio.sleep(0.01)
        else:
            return


async def unreachable(url: str) -> None:
    with suppress(ConnectError):
        while True:
            async with AsyncClient(base_url=url) as newcomer:
                await newcomer.get("/healthz")
            await asyncio.sleep(0.01)


async def test_what_is_in_flight_is_finished(
    world: World, stop: asyncio.Event, serving: tuple[str, asyncio.Task[None]]
) -> None:
    url, task = serving
    await world.stop("products")
    worker = MemoryTransport(world.broker)
    asked: asyncio.Queue[Message] = asyncio.Queue()
    await worker.subscribe("products.get", asked.put_nowait, "q")
    async with AsyncClient(base_url=url) as http:
        await reachable(http)
        asking = asyncio.create_task(http.get("/v1/products/1"))
        question = await asked.get()
        stop.set()
        ready = await http.get("/readyz")
        assert (503, "stopping") == (ready.status_code, ready.json()["reason"])
        await unreachable(url)
        assert not task.done()
        await worker.publish(question.reply, CHAI.model_dump_json().encode())
        assert 200 == (await asking).status_code
    await task


async def test_an_event_stream_ends_when_the_gateway_stops(
    world: World, stop: asyncio.Event, serving: tuple[str, asyncio.Task[None]]
) -> None:
    url, task = serving
    await FeedStream(world.broker).start()
    async with AsyncClient(base_url=url) as http:
        await reachable(http)
        async with http.stream("GET", "/v1/events", headers=bearer("USER")) as response:
            lines = response.aiter_lines()
            assert (await anext(lines)).startswith("retry: ")
            stop.set()
            assert "id: 0" in [line async for line in lines]
    async with asyncio.timeout(5):  # less than requests in flight may have
        await task


def deafen(connection: socket.socket) -> None:
    """Drop every packet that arrives, so that nothing is acknowledged: as if the machine had vanished."""
    program = ctypes.create_string_buffer(struct.pack("HBBI", _BPF_RETURN, 0, 0, 0))
    connection.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(program)))


async def stream_status(http: AsyncClient) -> int:
    async with http.stream("GET", "/v1/events", headers=bearer("USER")) as response:
        return response.status_code


async def test_a_client_that_vanishes_without_a_fin_gives_up_the_place_of_its_stream(
    world: World, stop: asyncio.Event, transport: MemoryTransport
) -> None:
    feed, loop = FeedStream(world.broker), asyncio.get_running_loop()
    await feed.start()
    settings = GatewaySettings(gateway_streams_per_user=1)
    token = bearer("USER")["Authorization"]
    with listener("127.0.0.1", 0, unacknowledged=0.1) as listening, socket.socket() as client:
        task = asyncio.create_task(serve_until(stop, settings, transport, listening))
        async with AsyncClient(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}") as http:
            await reachable(http)
            client.setblocking(False)  # noqa: FBT003  # the library's
            await loop.sock_connect(client, listening.getsockname())
            request = f"GET /v1/events HTTP/1.1\r\nhost: a\r\nauthorization: {token}\r\n\r\n"
            await loop.sock_sendall(client, request.encode())
            assert (await loop.sock_recv(client, 4096)).startswith(b"HTTP/1.1 200 ")
            assert 429 == await stream_status(http)
            deafen(client)
            feed.store()
            while await stream_status(http) != 200:
                await asyncio.sleep(0.01)
        stop.set()
        await task


def test_a_client_may_be_silent_for_three_heartbeats() -> None:
    with listener("127.0.0.1", 0) as listening:
        listening.listen()
        with socket.create_connection(listening.getsockname()), listening.accept()[0] as accepted:
            milliseconds = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
            assert 3 * HEARTBEAT * 1000 == milliseconds
            assert 1 == accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


async def test_a_connection_to_nats_that_is_gone_for_good_ends_the_process(
    serving: tuple[str, asyncio.Task[None]], transport: MemoryTransport
) -> None:
    url, task = serving
    async with AsyncClient(base_url=url) as http:
        await reachable(http)
    await transport.close()
    with pytest.raises(StartError, match="NATS closed the connection for good"):
        await task


async def test_responses_do_not_name_the_server(serving: tuple[str, asyncio.Task[None]]) -> None:
    async with AsyncClient(base_url=serving[0]) as http:
        await reachable(http)
        response = await http.get("/healthz")
    assert "server" not in response.headers
    assert "date" in response.headers


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=f"port {port} on 127.0.0.1 is in use"):
            listener("127.0.0.1", port)


def test_gateways_that_say_so_share_a_port_and_its_connections() -> None:
    with listener("127.0.0.1", 0, reuse=True) as first:
        address = first.getsockname()
        with listener(*address, reuse=True) as second:
            for each in (first, second):
                each.listen()
            clients = [socket.create_connection(address) for _ in range(64)]
            assert 64 > accepted(first) > 0
            for client in clients:
                client.close()
        with pytest.raises(StartError, match="is in use"):
            listener(*address)


def accepted(listening: socket.socket) -> int:
    """How many connections wait there."""
    listening.settimeout(0)
    count = 0
    with suppress(BlockingIOError):
        while True:
            listening.accept()[0].close()
            count += 1
    return count


def test_an_address_that_is_not_ours_is_named() -> None:
    with pytest.raises(StartError, match=r"cannot listen on port 80 of 192.0.2.1 \(GATEWAY_HOST, GATEWAY_PORT\)"):
        listener("192.0.2.1", 80)


@pytest.mark.parametrize("host", ["ü" * 64, "ü..example"])
def test_what_can_be_no_hosts_name_is_told(host: str) -> None:
    with pytest.raises(StartError, match="not a valid host name: set GATEWAY_HOST"):
        listener(host, 80)


async def test_the_web_servers_own_variables_count_for_nothing(
    stop: asyncio.Event, transport: MemoryTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WEB_CONCURRENCY", "FORWARDED_ALLOW_IPS"):
        monkeypatch.setenv(name, "nonsense")
    with listener("127.0.0.1", 0) as listening:
        stop.set()
        await serve_until(stop, GatewaySettings(), transport, listening)
