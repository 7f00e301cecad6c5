import asyncio
import re
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import structlog
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from gateway.settings import HttpLimits
from tests.support.gateway.serving import Application, answer, refused, serving

LIMITS = HttpLimits(
    gateway_head_timeout=0.2,
    gateway_max_head=1000,
    gateway_write_timeout=0.2,
    gateway_keep_alive=0.2,
    gateway_max_connections=3,
)
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.fixture
def state() -> ServerState:
    return ServerState()


@pytest.fixture
def limits() -> HttpLimits:
    """What the server waits for."""
    return LIMITS


@pytest.fixture
async def port(application: Application, state: ServerState, limits: HttpLimits) -> AsyncIterator[int]:
    """Where the application listens."""
    async with serving(application, limits, state) as port:
        yield port


async def test_a_connection_without_a_request_is_closed(port: int) -> None:
    assert b"" == await answer(port)


@pytest.mark.parametrize("parts", [(b"GET / HTTP/1.1\r\n",), (b"GET / HTTP/1.1\r\n", b"a: b\r\n", b"c: d\r\n")])
async def test_a_head_that_does_not_end_is_not_waited_for(port: int, parts: tuple[bytes, ...]) -> None:
    refused(await answer(port, *parts), 408, "request_timeout")


async def test_a_second_head_that_does_not_end_is_not_waited_for(port: int) -> None:
    said = await answer(port, GET, b"GET / HTTP/1.1\r\n")
    assert [b"200", b"408"] == re.findall(rb"HTTP/1\.1 (\d+)", said)


async def test_a_head_without_end_is_not_read_on(port: int) -> None:
    refused(await answer(port, b"GET / HTTP/1.1\r\na: ", b"x" * 600, b"x" * 600, pause=0), 431, "head_too_large")


async def test_a_head_that_comes_slowly_and_ends_is_answered(port: int) -> None:
    said = await answer(port, b"GET / HTTP/1.1\r\nhost: a\r\n", b"connection: close\r\n", b"\r\n")
    assert said.startswith(b"HTTP/1.1 200 ")


async def begin(port: int, state: ServerState, *parts: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection that the server knows, with each of these parts answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        await reader.readuntil(b"hello")
    while not state.connections:
        await asyncio.sleep(0)
    return reader, writer


@pytest.mark.parametrize("before", [(), (GET,)])
async def test_a_request_that_is_under_way_as_the_gateway_ends_is_answered(
    port: int, state: ServerState, before: tuple[bytes, ...]
) -> None:
    reader, writer = await begin(port, state, *before)
    writer.write(GET)
    for connection in list(state.connections):
        connection.shutdown()
    said = await reader.read()
    assert said.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in said
    writer.close()


@pytest.mark.parametrize("limits", [HttpLimits()])
async def test_a_connection_without_a_request_ends_with_the_gateway(port: int, state: ServerState) -> None:
    reader, writer = await begin(port, state)
    for connection in list(state.connections):
        connection.shutdown()
    assert b"" == await asyncio.wait_for(reader.read(), 5)  # sooner than without a head
    writer.close()


async def test_what_is_no_http_is_400(port: int) -> None:
    refused(await answer(port, b"hello\r\n\r\n"), 400, "malformed_request")


@pytest.fixture
async def broken() -> AsyncIterator[list[dict[str, Any]]]:
    """What the event loop would log as an error of ours."""
    loop, found = asyncio.get_running_loop(), list[dict[str, Any]]()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: found.append(context))
    yield found
    loop.set_exception_handler(before)


async def test_a_tunnel_is_refused_as_anything_else(port: int, broken: list[dict[str, Any]]) -> None:
    refused(await answer(port, b"CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n"), 400, "malformed_request")
    assert [] == broken


async def test_a_line_break_before_a_request_is_passed_over(port: int, broken: list[dict[str, Any]]) -> None:
    assert (await answer(port, b"\r\n", GET)).startswith(b"HTTP/1.1 200 ")
    assert [] == broken


async def test_a_body_that_nobody_waits_for_keeps_no_connection(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n")
    said = asyncio.create_task(reader.read())
    async with asyncio.timeout(3):
        while not said.done():
            writer.write(b"x")
            await asyncio.sleep(0.02)
    writer.close()
    assert 1 == (await said).count(b"HTTP/1.1 200 ")


async def test_after_an_answer_the_next_request_is_not_waited_for_without_end(port: int) -> None:
    assert 1 == (await answer(port, GET)).count(b"HTTP/1.1 200 ")


async def test_a_body_read_late_leaves_the_connection_to_end(port: int) -> None:
    assert 1 == (await answer(port, b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\n", b"x")).count(b"HTTP")


async def test_what_comes_after_the_body_is_no_header(port: int, application: Application) -> None:
    async def names(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["more_body"]:
            pass
        await Response(b",".join(name for name, _ in scope["headers"]))(scope, receive, send)

    application.response = names
    head = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
    said = await answer(port, head, b"0\r\nauthorization: b\r\n\r\n")
    assert said.endswith(b"\r\n\r\nhost,transfer-encoding")


@pytest.mark.parametrize("close", [b"", b"connection: close\r\n"])
async def test_a_client_that_does_not_read_is_not_waited_for(
    port: int, state: ServerState, application: Application, close: bytes
) -> None:
    application.response = PlainTextResponse("x" * 20_000_000)
    with socket.socket() as deaf:
        deaf.setblocking(False)  # noqa: FBT003  # positional only
        await asyncio.get_running_loop().sock_connect(deaf, ("127.0.0.1", port))
        deaf.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n" + close + b"\r\n")
        await application.ended.wait()
        assert 1 == len(state.connections)
        await asyncio.sleep(0.4)
        assert 0 == len(state.connections)


async def test_a_client_that_goes_away_has_its_request_cancelled(
    port: int, state: ServerState, application: Application
) -> None:
    application.gate.clear()
    with structlog.testing.capture_logs() as logs:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        await application.began.wait()
        assert not application.ended.is_set()
        writer.close()
        await asyncio.wait_for(application.ended.wait(), 2)
        await asyncio.sleep(0)
    assert set() == state.tasks
    assert "client_disconnected" in [line["event"] for line in logs]
    assert [499] == [line["status"] for line in logs if line["event"] == "request"]


async def test_another_cancellation_is_not_taken_for_a_client_that_went_away(
    port: int, state: ServerState, application: Application
) -> None:
    application.gate.clear()
    asking = asyncio.create_task(answer(port, GET))
    await application.began.wait()
    with structlog.testing.capture_logs() as logs:
        for task in state.tasks:
            task.cancel()
        await asking
    assert "client_disconnected" not in [line["event"] for line in logs]


async def test_a_connection_over_the_limit_is_told_at_its_first_request(port: int) -> None:
    busy = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
    said = await answer(port, GET)
    refused(said, 503, "too_many_connections")
    assert b"retry-after: 1" in said
    for _, writer in busy:
        writer.close()
        await writer.wait_closed()
    assert b"HTTP/1.1 200 " in await answer(port, GET)
