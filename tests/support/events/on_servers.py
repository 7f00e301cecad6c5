"""What tests of events write into a real database and read from a real stream."""

from collections.abc import Awaitable, Callable

from mesh.core.event import Event
from mesh.events.jetstream import EVENTS, pull_request, pull_subject
from mesh.nats.transport import NatsTransport
from mesh.transport.base import Message
from providers.postgres.connections import Connection
from providers.postgres.database import Database
from tests.support.events.sample_events import HAPPENED, Happened
from tests.support.waiting import until
from worker.postgres import publish

Connect = Callable[[], Awaitable[NatsTransport]]
NEVER = 10_000.0
"""Seconds between two looks: only a commit wakes such a relay."""


class Effects:
    """The repository of the tests."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, number: int) -> None:
        await self._connection.execute("INSERT INTO effects VALUES ($1)", number)


async def numbers(database: Database) -> list[int]:
    """The effects, in order of the number."""
    return [row["number"] for row in await database.fetch("SELECT number FROM effects ORDER BY number")]


async def write(database: Database, *events: tuple[str, int], event: Event[Happened] = HAPPENED) -> None:
    """Commit events of these aggregates, each in a transaction."""
    for aggregate, number in events:
        async with database.transaction() as connection:
            await publish(connection, event, Happened(number=number), aggregate=aggregate)


async def left(database: Database) -> int:
    """How many events are in the outbox."""
    return len(await database.fetch("SELECT FROM outbox"))


async def pulled(transport: NatsTransport, count: int, consumer: str = "sample") -> list[Message]:
    """The first messages of the stream."""
    messages: list[Message] = []
    subscription = await transport.subscribe(inbox := transport.inbox(), messages.append)
    await transport.publish(pull_subject(EVENTS, consumer), pull_request(count, 60, 5), reply=inbox)
    await until(lambda: len(messages) == count)
    await subscription.drain()
    return messages
