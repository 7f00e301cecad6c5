"""Messages that nats-py would stumble over; each test fails without its handling."""

import asyncio

import pytest

from mesh.transport.base import Message
from mesh.wire.problem import Problem
from tests.support.mesh.sample_service import sample
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
async def test_a_message_that_cannot_be_read_ends_no_connection(server: NatsServer, poison: bytes) -> None:
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


@pytest.mark.parametrize(
    "block",
    [
        b"NATS/1.0\r\nX-Request-Id: a\r\nx-request-id: b\r\n\r\n",
        b"NATS/1.0\r\nIdempotency-Key: a\r\nIdempotency-Key: a\r\n\r\n",
        b"NATS/1.0\r\nno colon\r\n\r\n",
        b"NATS/9.9\r\n\r\n",
    ],
)
async def test_a_request_whose_headers_cannot_be_read_is_answered(server: NatsServer, block: bytes) -> None:
    worker, caller = await server.connect("worker"), await server.connect("caller")
    await sample(worker).start()
    answers: list[Message] = []
    inbox = caller.inbox()
    await caller.subscribe(inbox, answers.append)

    caller.connection.send(
        b"HPUB sample.say %b %d %d\r\n%b{}\r\n" % (inbox.encode(), len(block), len(block) + 2, block)
    )
    await until(lambda: bool(answers))

    said = Problem.model_validate_json(answers[0].payload)
    assert ("422", "invalid_header") == (answers[0].headers["Nats-Service-Error-Code"], said.reason)
    assert said.request_id == answers[0].headers["X-Request-Id"]
    await caller.close()
    await worker.close()
