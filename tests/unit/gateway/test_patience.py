import asyncio
import re
from collections.abc import AsyncIterator

import pytest
from starlette.responses import PlainTextResponse
from uvicorn import Config
from uvicorn.server import ServerState

from gateway.patience import PatientProtocol


class Impatient(PatientProtocol):
    seconds = 0.2
    most_bytes = 1000


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """Where an application listens that answers everything."""
    config = Config(PlainTextResponse("hello"), log_config=None, access_log=False, lifespan="off")
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(lambda: Impatient(config, state, {}), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def answer(port: int, *parts: bytes) -> bytes:
    """All that is answered to these bytes, sent one after the other."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        await asyncio.sleep(0.05)
    said = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return said


@pytest.mark.parametrize("parts", [(), (b"GET / HTTP/1.1\r\n",), (b"GET / HTTP/1.1\r\n", b"a: b\r\n", b"c: d\r\n")])
async def test_a_head_that_does_not_end_is_not_waited_for(port: int, parts: tuple[bytes, ...]) -> None:
    assert (await answer(port, *parts)).startswith(b"HTTP/1.1 400 ")


async def test_a_second_head_that_does_not_end_is_not_waited_for(port: int) -> None:
    said = await answer(port, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", b"GET / HTTP/1.1\r\n")
    assert [b"200", b"400"] == re.findall(rb"HTTP/1\.1 (\d+)", said)


async def test_a_head_without_end_is_not_read_on(port: int) -> None:
    said = await answer(port, b"GET / HTTP/1.1\r\na: ", b"x" * 600, b"x" * 600)
    assert said.startswith(b"HTTP/1.1 400 ")


async def test_a_head_that_comes_slowly_and_ends_is_answered(port: int) -> None:
    said = await answer(port, b"GET / HTTP/1.1\r\n", b"connection: close\r\n", b"\r\n")
    assert said.startswith(b"HTTP/1.1 200 ")
