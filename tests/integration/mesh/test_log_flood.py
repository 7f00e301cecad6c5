"""Over real NATS: what another process sends, or is refused, does not flood the log."""

import asyncio
import json
from collections.abc import Callable, Iterator
from io import BytesIO

import pytest
import structlog

from mesh.nats.transport import NatsTransport
from mesh.telemetry.log_limit import MOST, LogLimit
from mesh.telemetry.logs import as_json
from tests.integration.mesh.users import USERS
from tests.support.mesh.sample_service import sample
from tests.support.servers.nats_server import NatsServer, ServerFactory
from tests.support.waiting import until

_FLOOD = 2_000


@pytest.fixture
def written() -> Iterator[BytesIO]:
    """What is logged."""
    written, limit = BytesIO(), LogLimit()
    structlog.configure([limit, as_json], logger_factory=structlog.BytesLoggerFactory(written))
    yield written
    limit.report_all()
    structlog.reset_defaults()


def without_inbox(caller: NatsTransport) -> None:
    caller.connection.send(b"PUB sample.say 2\r\n{}\r\n")


def unreadable(caller: NatsTransport) -> None:
    caller.connection.send(b"HPUB sample.say _INBOX_caller.x 12 14\r\nNATS/9.9\r\n\r\n{}\r\n")


@pytest.mark.parametrize(
    ("send", "event"), [(without_inbox, "request_without_inbox"), (unreadable, "nats_message_malformed")]
)
async def test_refused_messages_do_not_flood_the_log(
    server: NatsServer, written: BytesIO, send: Callable[[NatsTransport], None], event: str
) -> None:
    worker, caller = await server.connect("worker"), await server.connect("caller")
    await sample(worker).start()
    for _ in range(_FLOOD):
        send(caller)
    await caller.flush()
    await worker.flush()
    lines = [json.loads(line)["event"] for line in written.getvalue().splitlines()]
    assert MOST == lines.count(event)
    await caller.close()
    await worker.close()


async def test_refused_answers_do_not_flood_the_log(servers: ServerFactory, written: BytesIO) -> None:
    """Whoever asks says where the answer goes, and NATS refuses each that it does not allow."""
    server = servers(USERS)
    await server.start()
    bob = await server.connect("bob", nats_user="bob", nats_password="b")
    await asyncio.gather(*(bob.publish("_INBOX_alice.x", b"{}") for _ in range(_FLOOD)))
    await until(lambda: b"nats_refused" in written.getvalue())
    await bob.flush()
    assert 1 <= written.getvalue().count(b"nats_refused") <= MOST
    await bob.close()
