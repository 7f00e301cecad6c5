"""The cost of a durable event: from the transaction that writes it to the transaction that applies it.

A real PostgreSQL and a real NATS take part, and this process is publisher and subscriber in one. A turn with events
makes a change that publishes an event; the relay sends it, and the consumer applies it with an inbox. A turn without
events makes the same two changes. The difference is the cost of outbox, relay, stream, consumer and inbox. Counted is
the CPU time of this process, PostgreSQL and NATS together.
"""

import asyncio
import os
import statistics
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import nats
import typer
import uvloop
from nats.js.api import ConsumerConfig, StreamConfig
from pydantic import SecretStr

from bench import usage
from bench.consuming import SAID, Said
from bench.processes import nats_server
from devstack.servers.all import Servers
from mesh.events.consumer import EventConsumer, Handler
from mesh.events.jetstream import EVENTS
from mesh.events.relay import Relay
from mesh.nats.settings import NatsSettings
from mesh.nats.transport import NatsTransport
from mesh.process.garbage import tune_garbage_collection
from mesh.telemetry.logs import configure
from mesh.telemetry.settings import LogSettings
from providers.postgres.connections import Connection
from providers.postgres.database import Database, open_database
from providers.postgres.inbox import PostgresInbox
from providers.postgres.migrations import migrate
from providers.postgres.outbox import PostgresOutbox
from worker.postgres import publish

_CHANGE = "INSERT INTO changes VALUES ($1)"
_EVENTS = 1000
"""Events in one turn."""
_NAME = "bench"


@dataclass(frozen=True)
class Cost:
    """Milliseconds of CPU time for each event, by turn, with so many writers at once."""

    writers: int
    with_events: list[float]
    without: list[float]

    @property
    def added(self) -> list[float]:
        """What the events of each turn add."""
        return [ours - plain for ours, plain in zip(self.with_events, self.without, strict=True)]


class _Effects:
    """What the handler makes its change with."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, number: int) -> None:
        await self._connection.execute(_CHANGE, number)


class _Bench:
    """The database, and how many events have been applied."""

    def __init__(self, database: Database, servers: dict[str, int]) -> None:
        self.database = database
        self.applied = 0
        self._moved = asyncio.Event()
        self._processes = {"this": os.getpid(), **servers}

    async def handle(self, effects: _Effects, said: Said) -> None:
        await effects.add(said.number)
        self.applied += 1
        self._moved.set()

    async def _reached(self, number: int) -> None:
        while self.applied < number:
            self._moved.clear()
            await self._moved.wait()

    async def turn(self, writers: int, *, events: bool) -> float:
        """Milliseconds of CPU time for each event of this turn."""
        numbers = iter(range(_EVENTS))
        until = self.applied + _EVENTS

        async def write() -> None:
            for number in numbers:
                await self._change(number, events=events)
                if not events:
                    await self._change(number, events=False)
                elif writers == 1:
                    await self._reached(until - _EVENTS + number + 1)

        before = self._cpu()
        await asyncio.gather(*(write() for _ in range(writers)))
        if events:
            await self._reached(until)
        return (self._cpu() - before) / _EVENTS * 1e3

    async def _change(self, number: int, *, events: bool) -> None:
        async with self.database.transaction() as connection:
            await connection.execute(_CHANGE, number)
            if events:
                await publish(connection, SAID, Said(text="hello", number=number), aggregate=str(number))

    def _cpu(self) -> float:
        return sum(usage.cpu(self._processes).values())


async def measure(home: Path, turns: int = 5, writers: tuple[int, ...] = (1, 20)) -> list[Cost]:
    """Measure with and without events in alternating turns."""
    async with _running(home) as bench:
        costs = []
        for number in writers:
            cost = Cost(number, [], [])
            for turn in range(turns + 1):
                order = (True, False) if turn % 2 else (False, True)
                taken = {events: await bench.turn(number, events=events) for events in order}
                if turn:  # everything warms up in the first one
                    cost.with_events.append(taken[True])
                    cost.without.append(taken[False])
            costs.append(cost)
        return costs


@asynccontextmanager
async def _running(home: Path) -> AsyncIterator[_Bench]:
    async with AsyncExitStack() as stack:
        servers = await stack.enter_async_context(Servers(home, only=["postgres"]))
        url, nats_process = stack.enter_context(
            nats_server("-js", "-sd", stack.enter_context(TemporaryDirectory(dir=home)))
        )
        admin = await nats.connect(url)
        stack.push_async_callback(admin.close)
        await admin.jetstream().add_stream(StreamConfig(EVENTS, subjects=[SAID.subject]))
        await admin.jetstream().add_consumer(EVENTS, ConsumerConfig(durable_name=_NAME, max_ack_pending=1000))
        database = await stack.enter_async_context(open_database(SecretStr(servers.urls["shipping"]), name=_NAME))
        await migrate(database, files("shipping_svc") / "migrations", events=True)
        await database.fetch("CREATE TABLE IF NOT EXISTS changes (number int NOT NULL)")
        transport = await NatsTransport.connect(NatsSettings(nats_url=url), _NAME)
        stack.push_async_callback(transport.close)
        bench = _Bench(database, {"postgres": servers.postgres.child.pid or 0, "nats": nats_process})
        relay = Relay(PostgresOutbox(database), transport)
        consumer = EventConsumer(
            _NAME, transport, [Handler(SAID, bench.handle)], inbox=PostgresInbox(database, _Effects)
        )
        await relay.start()
        stack.push_async_callback(relay.drain)
        await consumer.start()
        stack.push_async_callback(consumer.drain)
        tune_garbage_collection()
        yield bench


def main(turns: Annotated[int, typer.Option(help="Turns of each kind.")] = 5) -> None:
    """Measure what a durable event costs."""
    configure(LogSettings(log_level="warning"), _NAME)
    with TemporaryDirectory() as home:
        for cost in uvloop.run(measure(Path(home), turns)):
            added, whole = statistics.median(cost.added), statistics.median(cost.with_events)
            typer.echo(
                f"{cost.writers:3} writers: {added:.2f} ms of CPU for each event ({whole:.2f} with both changes)"
            )


if __name__ == "__main__":
    typer.run(main)
