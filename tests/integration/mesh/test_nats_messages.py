"""Messages that nats-py would stumble over; each test fails without its handling."""

import asyncio

import pytest

from mesh.transport.base import Message
from tests.support.servers.nats_server import NatsServer
from tests.support.waiting import until


async def test_line_breaks_in_a_header_make_no_second_header(server: NatsServer) -> None:
    transport = await server.connect()
    seen: list[Message] = []
    await transport.subscribe("work.do", seen.append)
    await transport.publish("work.do", b"", {"A": "1\r\nB: 2\nC: 3"})
    await until(lambda: bool(seen))
    assert {"A"} == set(seen[0].headers)
    await transport.close()


async def test_a_request_that_could_not_be_sent_leaves_nothing_behind(server: NatsServer) -> None:
    transport = await server.connect()
    for _ in range(100):
        with pytest.raises(Exception, match="subject"):
            await transport.request("not a subject", b"", {}, 60)
    assert 0 == transport.pending_requests
    await transport.close()


@pytest.mark.parametrize(
    "poison",
    [
        b"PUB work.do _INBOX_x.\xff 0\r\n\r\n",
        b"PUB work.\xff _INBOX_x.y 0\r\n\r\n",
        b"HPUB work.do _INBOX_x.y 1 1\r\nN\r\n",
        b"HPUB work.do _INBOX_x.y 9 9\r\ngarbage\xff\xfe\r\n",
        b"HPUB work.do _INBOX_x.y 13 13\r\nNATS/1.0\xff\r\n\r\n\r\n",
    ],
)
async def test_a_message_that_cannot_be_read_is_dropped_and_nothing_else(server: NatsServer, poison: bytes) -> None:
    worker = await server.connect("worker")
    seen: list[bytes] = []
    await worker.subscribe("work.*", lambda message: seen.append(message.payload))
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b'CONNECT {"verbose":false,"headers":true}\r\n' + poison + b"PUB work.do 5\r\nalive\r\nPING\r\n")
    async with asyncio.timeout(5):  # a reader that died would be noticed only by pings
        await reader.readuntil(b"PONG\r\n")
        await until(lambda: b"alive" in seen)
    assert worker.connected
    writer.close()
    await worker.close()
