"""The cost of a call over the mesh, compared with a bare request-reply of nats-py on the same server.

Each has a worker process; this process calls both in alternating turns. Compared are the CPU time of caller, worker and
server per request, and the requests per second. A call of the mesh validates its contract on both sides, has a deadline
and retries, and is counted. A request of nats-py only carries a payload.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

import nats
import typer
import uvloop
from nats.aio.msg import Msg
from pydantic import BaseModel, ConfigDict

from bench.processes import cpu_time, nats_server, process
from mesh.client.client import Client
from mesh.core.context import Caller
from mesh.core.endpoint import Access, Endpoint
from mesh.core.errors import NoResponder
from mesh.nats.settings import NatsSettings
from mesh.nats.transport import NatsTransport
from mesh.process.garbage import tune_garbage_collection
from mesh.service.service import Service
from mesh.telemetry.logs import configure
from mesh.telemetry.settings import LogSettings


class Say(BaseModel):
    """The request."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    text: str


class Said(BaseModel):
    """The reply."""

    text: str


SAY = Endpoint("bench.say", Say, Said, Access.ANYONE, idempotent=True, timeout=5)
_PLAIN = "plain.say"
_BODY = Say(text="hello").model_dump_json().encode()
_AT_ONCE = (1, 16, 64)
_REQUESTS = {1: 1500, 16: 6000, 64: 9000}
"""Requests in one turn, by the number in flight: a little less than a second."""

Ask = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Turn:
    """The result of one turn of one of the two, per request."""

    cpu: float
    """Seconds of processor time, of caller, worker and server together."""
    wall: float
    """Seconds of elapsed time."""


@dataclass(frozen=True)
class Row:
    """The medians of all turns with this many requests in flight. The ratios are of adjacent turns."""

    at_once: int
    mesh_cpu_us: float
    nats_cpu_us: float
    cpu_ratio: float
    """The mesh's processor time divided by nats-py's: below 1 the mesh costs less."""
    mesh_per_second: float
    nats_per_second: float
    throughput_ratio: float


async def measure(turns: int = 7, at_once: tuple[int, ...] = _AT_ONCE) -> list[Row]:
    """Measure both in alternating turns, on servers and workers that end with the measurement."""
    async with _running() as (mesh, plain):
        return [await _compare(mesh, plain, number, turns) for number in at_once]


@dataclass(frozen=True)
class _Peer:
    """One of the two systems: how to send a request, and its processes besides this one."""

    ask: Ask
    processes: tuple[int, ...]

    async def turn(self, requests: int, at_once: int) -> Turn:
        """Send this many requests and wait for the answers."""
        left = iter(range(requests))

        async def caller() -> None:
            for _ in left:
                await self.ask()

        cpu, wall = self._cpu(), time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(at_once)))
        return Turn((self._cpu() - cpu) / requests, (time.perf_counter() - wall) / requests)

    def _cpu(self) -> float:
        """Seconds of processor time of all processes so far."""
        return time.process_time() + sum(map(cpu_time, self.processes))


async def _compare(mesh: _Peer, plain: _Peer, at_once: int, turns: int) -> Row:
    pairs: list[tuple[Turn, Turn]] = []
    for number in range(turns + 1):
        peers = (mesh, plain) if number % 2 else (plain, mesh)
        taken = {peer: await peer.turn(_REQUESTS.get(at_once, 6000), at_once) for peer in peers}
        pairs.append((taken[mesh], taken[plain]))
    del pairs[0]  # everything warms up
    median = statistics.median
    return Row(
        at_once,
        mesh_cpu_us=median(ours.cpu for ours, _ in pairs) * 1e6,
        nats_cpu_us=median(theirs.cpu for _, theirs in pairs) * 1e6,
        cpu_ratio=median(ours.cpu / theirs.cpu for ours, theirs in pairs),
        mesh_per_second=1 / median(ours.wall for ours, _ in pairs),
        nats_per_second=1 / median(theirs.wall for _, theirs in pairs),
        throughput_ratio=median(theirs.wall / ours.wall for ours, theirs in pairs),
    )


@asynccontextmanager
async def _running() -> AsyncIterator[tuple[_Peer, _Peer]]:
    """The mesh and nats-py, each with a worker that answers."""
    async with AsyncExitStack() as stack:
        url, server = stack.enter_context(nats_server())
        workers = [stack.enter_context(process(target, url)) for target in (_mesh_worker, _plain_worker)]
        transport = await NatsTransport.connect(NatsSettings(nats_url=url), "caller")
        stack.push_async_callback(transport.close)
        connection = await nats.connect(url)
        stack.push_async_callback(connection.close)
        client, request = Client(transport), Say(text="hello")

        async def ask_mesh() -> None:
            await client.call(SAY, request)

        async def ask_plain() -> None:
            await connection.request(_PLAIN, _BODY, timeout=5)

        await _answered(ask_mesh, NoResponder)
        await _answered(ask_plain, nats.errors.NoRespondersError)
        tune_garbage_collection()  # as every process of the mesh does; nats-py benefits too
        yield _Peer(ask_mesh, (workers[0], server)), _Peer(ask_plain, (workers[1], server))


async def _answered(ask: Ask, nobody: type[Exception]) -> None:
    while True:
        try:
            await ask()
        except nobody:
            await asyncio.sleep(0.05)
        else:
            return


def _mesh_worker(url: str) -> None:
    async def say(request: Say) -> Said:
        return Said(text=request.text)

    async def verify(_authorization: str) -> Caller:
        raise NotImplementedError  # nothing here asks for a token

    async def serve() -> None:
        configure(LogSettings(log_level="warning"), "bench")
        transport = await NatsTransport.connect(NatsSettings(nats_url=url), "bench")
        service = Service("bench", transport, version="1.0.0", description="Answers the benchmark", verify=verify)
        service.add(SAY, say)
        await service.start()
        tune_garbage_collection()
        await asyncio.Event().wait()

    uvloop.run(serve())


def _plain_worker(url: str) -> None:
    async def serve() -> None:
        connection = await nats.connect(url)

        async def say(message: Msg) -> None:
            await connection.publish(message.reply, message.data)

        await connection.subscribe(_PLAIN, queue="q", cb=say)
        await asyncio.Event().wait()

    uvloop.run(serve())


def main(
    turns: Annotated[int, typer.Option(help="Turns of each system, for each number of requests in flight.")] = 7,
    at_once: Annotated[list[int] | None, typer.Option(help="Requests in flight. May be repeated.")] = None,
) -> None:
    """Compare a call of the mesh with a bare request-reply of nats-py."""
    configure(LogSettings(log_level="warning"), "bench")
    rows = uvloop.run(measure(turns, tuple(at_once or _AT_ONCE)))
    typer.echo(
        f"{'at once':>8}{'mesh µs':>10}{'nats-py µs':>12}{'ratio':>8}{'mesh /s':>10}{'nats-py /s':>12}{'ratio':>8}"
    )
    for row in rows:
        typer.echo(
            f"{row.at_once:8}{row.mesh_cpu_us:10.0f}{row.nats_cpu_us:12.0f}{row.cpu_ratio:8.2f}"
            f"{row.mesh_per_second:10,.0f}{row.nats_per_second:12,.0f}{row.throughput_ratio:8.2f}"
        )


if __name__ == "__main__":
    typer.run(main)
