"""A consumer of the tests, and what became of the events that it got."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from mesh.core.event import Event
from mesh.events import jetstream
from mesh.events.consumer import EventConsumer, Handler
from mesh.events.jetstream import DEAD
from mesh.events.retries import Retries
from mesh.nats.transport import NatsTransport
from mesh.transport.base import Message
from providers.postgres.database import Database
from providers.postgres.inbox import PostgresInbox
from tests.support.events.on_servers import Effects
from tests.support.events.sample_events import HAPPENED, Happened, entry
from tests.support.events.streams import api, unsettled

SOON = Retries(tries=3, most=6, first=0.01, growth=1.0)
Handle = Callable[[Effects, Happened], Awaitable[None]]


async def add(effects: Effects, event: Happened) -> None:
    await effects.add(event.number)


@asynccontextmanager
async def consuming(
    transport: NatsTransport,
    database: Database,
    handle: Handle = add,
    event: Event[Happened] = HAPPENED,
    timeout: float = 30,
    **options: Any,  # noqa: ANN401  # the consumer's own
) -> AsyncIterator[EventConsumer]:
    inbox = PostgresInbox(database, Effects)
    handlers = [Handler(event, handle, timeout)]
    consumer = EventConsumer(
        "sample", transport, handlers, inbox=inbox, **{"retries": SOON, "ack_wait": 2.0, **options}
    )
    await consumer.start()
    yield consumer
    await consumer.drain()


async def publish(transport: NatsTransport, *numbers: int, event: Event[Happened] = HAPPENED) -> list[str]:
    entries = [entry(number, f"a{number}", event) for number in numbers]
    await asyncio.gather(*(jetstream.publish(transport, one.subject, one.body, one.headers) for one in entries))
    return [one.id for one in entries]


async def settled(transport: NatsTransport) -> None:
    while await unsettled(transport, "sample"):
        await asyncio.sleep(0.005)


async def dead(transport: NatsTransport) -> list[dict[str, str]]:
    """The headers of all dead letters."""
    letters = []
    for sequence in range(1, (await api(transport, f"STREAM.INFO.{DEAD}"))["state"]["messages"] + 1):
        letter: Message = await transport.request(f"$JS.API.DIRECT.GET.{DEAD}", b'{"seq":%d}' % sequence, {}, 5)
        letters.append(dict(letter.headers))
    return letters
