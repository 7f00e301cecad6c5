"""What comes from a monitoring port, be it a nats-server's or somebody else's."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from devstack.servers.monitoring import configured_at, neighbours

HEAD = b"HTTP/1.0 200 OK\r\n\r\n"


@asynccontextmanager
async def answering(said: bytes) -> AsyncIterator[int]:
    """A port at which this is said to whoever asks."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(said)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1") as server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize("ask", [neighbours, configured_at])
@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"null", b"[]", b"7", b"{}", b"not json", b"\xff\xfe", b"[" * 100_000),
        *(b'{"routes":7,"config_load_time":7}', b'{"routes":[{}],"config_load_time":null}'),
        *(b'{"routes":[7],"config_load_time":[]}', b'{"routes":[{"remote_name":1e400}]}'),
        b'{"routes":[{"remote_name":"\\ud800"}],"config_load_time":"\\ud800"}',
        b"x" * 20_000_000,
    ],
)
async def test_an_answer_that_does_not_fit_is_none(ask: Callable[[int], Awaitable[object]], body: bytes) -> None:
    for said in (HEAD + body, body):
        async with answering(said) as port:
            assert await ask(port) is None


async def test_an_answer_that_fits_is_read_and_the_rest_passed_over() -> None:
    async with answering(HEAD + b'{"x":1,"routes":[{"remote_name":"nats-2","rid":7}],"config_load_time":"t"}') as port:
        assert {"nats-2"} == await neighbours(port)
        assert "t" == await configured_at(port)
