"""The measured systems: ours as `mesh up` runs it, and peers that do the same work on the same servers."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx2

from bench.building import build_go, build_nestjs, node
from bench.errors import BenchError
from devstack.processes.child import Child, Command
from devstack.servers.ports import free_ports
from devstack.stack.services import run_module
from devstack.stack.settings import ServiceName, StackSettings
from devstack.stack.stack import Stack

PEERS = Path(__file__).parent / "peers"
OURS = "mesh"

_READY_WITHIN = 30.0
_SERVERS = ("nats", "postgres")
_GO = PEERS / "go"
_NESTJS = PEERS / "nestjs"
_NATS = Path(__file__).with_name("nats.conf")
_PASSWORD = "bench"  # noqa: S105  # of the peers in bench/nats.conf, on loopback


@dataclass(frozen=True)
class System:
    """Something that answers HTTP at `url`; `processes` are all that it consists of, by name."""

    name: str
    url: str
    processes: Mapping[str, int]


async def _built() -> None:
    """Build nothing."""


@dataclass(frozen=True)
class Peer:
    """How a peer is run: one gateway and a worker for each service."""

    name: str
    commands: Callable[[], tuple[Sequence[str], Sequence[str]]]
    """The commands of the gateway and of the worker, once built."""
    build: Callable[[], Awaitable[None]] = _built
    environment: Mapping[str, str] = field(default_factory=dict)


def _nestjs(platform: str) -> Peer:
    def commands() -> tuple[Sequence[str], Sequence[str]]:
        return (node(_NESTJS), str(_NESTJS / "dist" / "gateway.js")), (
            node(_NESTJS),
            str(_NESTJS / "dist" / "worker.js"),
        )

    environment = {"PLATFORM": platform, "NODE_ENV": "production"}
    return Peer(f"nestjs-{platform}", commands, partial(build_nestjs, _NESTJS), environment)


def _go() -> Peer:
    dist = _GO / "dist"
    return Peer("go", lambda: ((str(dist / "gateway"),), (str(dist / "worker"),)), partial(build_go, _GO))


def _python(name: str, worker: str) -> Peer:
    gateway = PEERS / "fastapi_plain" / "gateway.py"
    return Peer(name, lambda: ((sys.executable, str(gateway)), (sys.executable, str(PEERS / worker))))


ALL_PEERS = (
    _nestjs("express"),
    _nestjs("fastify"),
    _go(),
    _python("fastapi", "fastapi_plain/worker.py"),
    _python("faststream", "faststream_worker/worker.py"),
)
_WORKERS = ("customers", "products")
_ONE_USER = {"GATEWAY_WAITS_PER_USER": "200"}
"""One user places all orders of the part `orders`."""


@asynccontextmanager
async def mesh(
    home: Path,
    replicas: Mapping[ServiceName, int] | None = None,
    nats_nodes: int = 1,
    variables: Mapping[str, str] | None = None,
) -> AsyncIterator[Stack]:
    """The system, with the settings of `mesh up` on a free port; its services get these variables too."""
    settings = StackSettings(
        home=home,
        http_port=0,
        replicas=dict(replicas or {}),
        nats_nodes=nats_nodes,
        nats_configuration=_NATS,
        console=False,
    )
    told = [f"{name}={value}" for name, value in {**_ONE_USER, **(variables or {})}.items()]
    async with Stack(settings, service_command=lambda service: ("env", *told, *run_module(service))) as stack:
        yield stack


def ours(stack: Stack) -> System:
    """All that `mesh up` starts."""
    return System(OURS, stack.state.gateway_url, stack.state.processes)


@asynccontextmanager
async def peers(stack: Stack, names: Sequence[str]) -> AsyncIterator[tuple[list[System], dict[str, str]]]:
    """The peers that can run here, and by name why the others cannot."""
    running: list[System] = []
    missing: dict[str, str] = {}
    async with AsyncExitStack() as stopping:
        for peer in (peer for peer in ALL_PEERS if peer.name in names):
            try:
                await peer.build()
                running.append(await stopping.enter_async_context(_running(peer, stack)))
            except BenchError as error:
                missing[peer.name] = str(error)
        yield running, missing


@asynccontextmanager
async def _running(peer: Peer, stack: Stack) -> AsyncIterator[System]:
    state = stack.state
    logs = state.home / "peers"
    logs.mkdir(exist_ok=True)
    port = free_ports(1)[0]
    url = f"http://127.0.0.1:{port}"
    lock = os.open(logs / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    children = {name: Child(name, logs / f"{peer.name}-{name}.log", lock) for name in ("gateway", *_WORKERS)}
    databases = {"customers": state.databases["customers"], "products": state.databases["products"]}
    common = {**peer.environment, "PATH": os.environ["PATH"], "NATS_URL": state.nats_url, "SUBJECTS": peer.name}
    gateway, worker = peer.commands()
    jwks = await _fetch(f"{state.gateway_url}/.well-known/jwks.json")
    try:
        for name, child in children.items():
            if name == "gateway":
                argv, own = gateway, {"PORT": str(port), "JWKS": jwks.text}
            else:
                argv, own = worker, {"SERVICE": name, "DATABASE_URL": databases[name]}
            environment = {**common, **own, "NATS_USER": name, "NATS_PASSWORD": _PASSWORD}
            await child.spawn(Command(argv=tuple(argv), env=environment, cwd=PEERS))
        await _until_ready(peer, url, children)
        processes = {name: child.pid for name, child in children.items() if child.pid is not None}
        yield System(peer.name, url, {**processes, **{name: state.processes[name] for name in _SERVERS}})
    finally:
        await asyncio.gather(*(child.stop() for child in children.values()))
        os.close(lock)


async def _until_ready(peer: Peer, url: str, children: Mapping[str, Child]) -> None:
    """Wait until the gateway serves what the slowest worker answers."""
    deadline = asyncio.get_running_loop().time() + _READY_WITHIN
    async with httpx2.AsyncClient() as http:
        while asyncio.get_running_loop().time() < deadline:
            for name, child in children.items():
                if child.pid is None:
                    raise BenchError(f"{peer.name}: its {name} ended: {child.said()[-500:]}")
            try:
                # Needs no token: a 401 would only show that the gateway runs.
                if (await http.get(f"{url}/v1/products?limit=1")).is_success:
                    return
            except httpx2.HTTPError:
                pass
            await asyncio.sleep(0.1)
    said = "".join(f"\n{name}: {child.said()[-300:]}" for name, child in children.items())
    raise BenchError(f"{peer.name} is not ready after {_READY_WITHIN:g} s{said}")


async def _fetch(url: str) -> httpx2.Response:
    async with httpx2.AsyncClient() as http:
        return (await http.get(url)).raise_for_status()
