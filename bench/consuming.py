"""The cost of consuming durable events, compared with FastStream's JetStream subscriber on the same server.

Each has a worker process with its own durable pull consumer of one stream. In each turn a worker is stopped while
events are stored, and then handles them all. Compared is the CPU time of the worker per event.

Both read a small JSON payload into a pydantic model, do nothing with it, and acknowledge it. The mesh's consumer also
reads the attributes of the CloudEvent, checks that the event belongs on its subject, and has a deadline.
"""

import asyncio
import os
import signal
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import nats
import typer
import uvloop
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, StreamConfig
from pydantic import BaseModel

from bench.processes import cpu_time, nats_server, process, script
from mesh.core.event import Event
from mesh.events.cloud_event import compose
from mesh.events.consumer import EventConsumer, Handler
from mesh.events.jetstream import EVENTS
from mesh.nats.settings import NatsSettings
from mesh.nats.transport import NatsTransport
from mesh.process.garbage import tune_garbage_collection
from mesh.telemetry.logs import configure
from mesh.telemetry.settings import LogSettings


class Said(BaseModel):
    """The payload."""

    text: str
    number: int


SAID = Event("events.bench.said", Said, durable=True)
_MESH, _FASTSTREAM = "bench", "faststream"
_PEER = Path(__file__).parent / "peers/faststream_worker/consumer.py"
_EVENTS = 8000
"""Events in one turn."""


@dataclass(frozen=True)
class Turn:
    """The result of one turn of one worker, per event, in seconds."""

    cpu: float
    wall: float


@dataclass(frozen=True)
class Row:
    """The medians of all turns. The ratio is of adjacent turns."""

    mesh_cpu_us: float
    faststream_cpu_us: float
    cpu_ratio: float
    """The mesh's processor time divided by FastStream's: below 1 the mesh costs less."""
    mesh_per_second: float
    faststream_per_second: float


async def measure(turns: int = 7) -> Row:
    """Measure both in alternating turns, on a server and workers that end with the measurement."""
    async with _running() as (jetstream, workers):
        pairs: list[tuple[Turn, Turn]] = []
        for number in range(turns + 1):
            order = (_MESH, _FASTSTREAM) if number % 2 else (_FASTSTREAM, _MESH)
            taken = {name: await _turn(jetstream, name, workers) for name in order}
            pairs.append((taken[_MESH], taken[_FASTSTREAM]))
    del pairs[0]  # everything warms up
    median = statistics.median
    return Row(
        mesh_cpu_us=median(ours.cpu for ours, _ in pairs) * 1e6,
        faststream_cpu_us=median(theirs.cpu for _, theirs in pairs) * 1e6,
        cpu_ratio=median(ours.cpu / theirs.cpu for ours, theirs in pairs),
        mesh_per_second=1 / median(ours.wall for ours, _ in pairs),
        faststream_per_second=1 / median(theirs.wall for _, theirs in pairs),
    )


async def _turn(jetstream: JetStreamContext, name: str, workers: dict[str, int]) -> Turn:
    """Store events while every worker is stopped, then let one of them handle all."""
    for worker in workers.values():
        os.kill(worker, signal.SIGSTOP)
    await _store(jetstream, _EVENTS)
    cpu, wall = cpu_time(workers[name]), time.perf_counter()
    os.kill(workers[name], signal.SIGCONT)
    await _settled(jetstream, name)
    turn = Turn((cpu_time(workers[name]) - cpu) / _EVENTS, (time.perf_counter() - wall) / _EVENTS)
    for worker in workers.values():
        os.kill(worker, signal.SIGCONT)
    for one in workers:
        await _settled(jetstream, one)
    return turn


async def _store(jetstream: JetStreamContext, number: int) -> None:
    for start in range(0, number, 500):
        outgoing = (compose(SAID, Said(text="hello", number=start + one), "a") for one in range(500))
        await asyncio.gather(
            *(jetstream.publish(SAID.subject, one.body, headers=dict(one.headers)) for one in outgoing)
        )


async def _settled(jetstream: JetStreamContext, consumer: str) -> None:
    """Wait until the consumer has nothing left."""
    while True:
        info = await jetstream.consumer_info(EVENTS, consumer)
        if not info.num_pending and not info.num_ack_pending:
            return
        await asyncio.sleep(0.02)


@asynccontextmanager
async def _running() -> AsyncIterator[tuple[JetStreamContext, dict[str, int]]]:
    """A stream with a consumer for each worker, and the workers."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory())
        url, _ = stack.enter_context(nats_server("-js", "-sd", folder))
        connection = await nats.connect(url)
        stack.push_async_callback(connection.close)
        jetstream = connection.jetstream()
        await jetstream.add_stream(StreamConfig(EVENTS, subjects=[SAID.subject]))
        for name in (_MESH, _FASTSTREAM):
            await jetstream.add_consumer(EVENTS, ConsumerConfig(durable_name=name, max_ack_pending=1000))
        peer = {"NATS_URL": url, "STREAM": EVENTS, "SUBJECT": SAID.subject, "DURABLE": _FASTSTREAM}
        workers = {
            _MESH: stack.enter_context(process(_mesh_worker, url)),
            _FASTSTREAM: stack.enter_context(script(_PEER, **peer)),
        }
        await _store(jetstream, 500)
        for name in workers:
            await _settled(jetstream, name)
        yield jetstream, workers


def _mesh_worker(url: str) -> None:
    async def handle(_unit: None, said: Said) -> None:
        pass

    async def serve() -> None:
        configure(LogSettings(log_level="warning"), _MESH)
        transport = await NatsTransport.connect(NatsSettings(nats_url=url), _MESH)
        consumer = EventConsumer(_MESH, transport, [Handler(SAID, handle)])
        await consumer.start()
        tune_garbage_collection()
        await asyncio.Event().wait()

    uvloop.run(serve())


def main(turns: Annotated[int, typer.Option(help="Turns of each system.")] = 7) -> None:
    """Compare the mesh's consumer with FastStream's."""
    configure(LogSettings(log_level="warning"), "bench")
    row = uvloop.run(measure(turns))
    typer.echo(f"{'mesh µs':>10}{'FastStream µs':>15}{'ratio':>8}{'mesh /s':>10}{'FastStream /s':>15}")
    typer.echo(
        f"{row.mesh_cpu_us:10.0f}{row.faststream_cpu_us:15.0f}{row.cpu_ratio:8.2f}"
        f"{row.mesh_per_second:10,.0f}{row.faststream_per_second:15,.0f}"
    )


if __name__ == "__main__":
    typer.run(main)
