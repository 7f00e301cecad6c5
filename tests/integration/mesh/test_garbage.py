"""No call leaves a cycle behind over real NATS, whatever becomes of it, on either side."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import nullcontext
from io import BytesIO
from typing import Any

import pytest
import structlog
from pydantic import BaseModel

from mesh.client.client import Client
from mesh.core.endpoint import Access, Endpoint
from mesh.core.errors import BadReply, CallError, Conflict, DeadlineExceeded, Overloaded, TooLarge, Unavailable
from mesh.nats.transport import NatsTransport
from mesh.telemetry.logs import as_json, exceptions
from tests.support.garbage import census, each
from tests.support.mesh.sample_service import SAY, Said, SampleReason, Say, sample, say
from tests.support.servers.nats_server import NatsServer

_ROUNDS = 40  # more than what earlier tests leave, whose timers end meanwhile
ONCE = Endpoint("sample.say", Say, Said, Access.ANYONE)
NOBODY = Endpoint("nobody.say", Say, Said, Access.ANYONE)
NOBODY_AGAIN = Endpoint("nobody.say", Say, Said, Access.ANYONE, idempotent=True)


class Number(BaseModel):
    number: int


MISREAD = SAY.read_as(Number)


@pytest.fixture(autouse=True)
def logging_as_a_process_does() -> Iterator[None]:
    structlog.configure([exceptions, as_json], logger_factory=structlog.BytesLoggerFactory(BytesIO()))
    yield
    structlog.reset_defaults()


@pytest.fixture
async def both(server: NatsServer) -> AsyncIterator[tuple[NatsTransport, NatsTransport]]:
    """A worker's connection and a caller's."""
    worker, caller = await server.connect("worker"), await server.connect("caller")
    yield worker, caller
    await caller.close()
    await worker.close()


async def conflict(_: Say) -> Said:
    raise Conflict(SampleReason.ALREADY_SAID, "it was said before")


async def busy(_: Say) -> Said:
    raise Unavailable("queue_full", "no more")


async def slow(_: Say) -> Said:
    await asyncio.sleep(60)
    return Said(text="")


@pytest.mark.parametrize(
    ("handler", "endpoint", "request_", "error"),
    [
        (say, SAY, Say(), None),
        (conflict, SAY, Say(), CallError),
        (busy, SAY, Say(), Overloaded),
        (busy, ONCE, Say(), Overloaded),
        (slow, SAY, Say(), DeadlineExceeded),
        (slow, ONCE, Say(), DeadlineExceeded),
        (say, NOBODY, Say(), CallError),
        (say, NOBODY_AGAIN, Say(), CallError),
        (say, MISREAD, Say(), BadReply),
        (say, SAY, Say(text="x" * 20_000), CallError),
        (say, SAY, Say(text="x" * 2_000_000), TooLarge),
        (say, SAY, Say(text="x" * 10_000, times=1000), CallError),
    ],
)
async def test_no_call_leaves_a_cycle(
    both: tuple[NatsTransport, NatsTransport],
    handler: Callable[[Say], Awaitable[Said]],
    endpoint: Endpoint[Any, Any],
    request_: Say,
    error: type[Exception] | None,
) -> None:
    worker, caller = both
    await sample(worker, handler).start()
    client = Client(caller)

    async def call() -> None:
        with nullcontext() if error is None else pytest.raises(error):
            await client.call(endpoint, request_, timeout=0.05 if handler is slow else None)

    await call()
    with census() as left:
        for _ in range(_ROUNDS):
            await call()
    assert not each(left, _ROUNDS)


async def test_no_message_that_cannot_be_read_leaves_a_cycle(both: tuple[NatsTransport, NatsTransport]) -> None:
    worker, caller = both
    await sample(worker).start()
    with census() as left:
        for _ in range(_ROUNDS):
            caller.connection.send(b"HPUB sample.say _INBOX_caller.x 12 12\r\nNATS/9.9\r\n\r\n\r\n")
            caller.connection.send(b"PUB sample.say 2\r\n{}\r\n")
            await caller.flush()
            await worker.flush()
    assert not each(left, _ROUNDS)


async def test_no_call_without_a_connection_leaves_a_cycle(
    server: NatsServer, both: tuple[NatsTransport, NatsTransport]
) -> None:
    _, caller = both
    await server.stop()
    while caller.connected:
        await asyncio.sleep(0.01)
    with census() as left:
        for _ in range(_ROUNDS):
            with pytest.raises(CallError):
                await Client(caller).call(ONCE, Say())
    assert 0 == left["Disconnected"]  # a try to reconnect leaves its link, four times a second
