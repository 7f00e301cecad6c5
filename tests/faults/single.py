"""A mesh without replicas and without a supervisor: what a test ends or freezes stays so until it says otherwise."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from signal import SIGTERM
from types import MappingProxyType

import psutil

from devstack.servers.all import Servers
from mesh.nats.settings import NatsSettings
from mesh.nats.transport import NatsTransport
from ops.process import ServerName
from services import BY_NAME, WORKERS
from tests.support.load.traffic import Balancer, Caller
from tests.support.servers.processes import Process, service

EMAIL, PASSWORD = "ada@northwind.example", "a password of the tests"
_KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
NOTHING: Mapping[str, str] = MappingProxyType({})
MODULES = {row.name: row.package for row in WORKERS if not row.handles}
"""The services that need no events of others. Events under faults are the subject of `tests/faults/orders`."""
_OWN: Mapping[str, Mapping[str, str]] = {
    # Without a cache: a read tells whether its worker answers.
    "gateway": {"GATEWAY_PORT": "0", "GATEWAY_CACHE": "0"},
    "auth": {"AUTH_ACCESS_TOKEN_LIFETIME": "7200"},
}


class Single:
    """One process of each service that was asked for, and one gateway."""

    def __init__(self, servers: Servers) -> None:
        self.servers = servers
        self.processes: dict[str, Process] = {}
        self.url = ""

    async def stop(self) -> None:
        """End the services, the gateway first."""
        gateway = self.processes.pop("gateway")
        await gateway.end(SIGTERM)
        await asyncio.gather(*(process.end(SIGTERM) for process in self.processes.values()))

    def pid(self, name: str) -> int:
        """The number of a service's process."""
        return self.processes[name].pid

    def memory(self, name: str) -> float:
        """The resident memory of a service, in MiB."""
        return float(psutil.Process(self.pid(name)).memory_info().rss) / 2**20

    async def connect(self, user: str = "gateway") -> Caller:
        """A client on NATS, as one of its users."""
        return Caller(await NatsTransport.connect(NatsSettings.model_validate(self.nats(user)), user))

    def nats(self, user: str) -> dict[str, str]:
        """How a process connects."""
        return {"nats_url": self.servers.nats_url, "nats_nkey_seed": self.servers.nats_seeds[user]}

    def environment(self, name: str) -> dict[str, str]:
        """What a service is told."""
        row = BY_NAME[name]
        found = {key.upper(): value for key, value in self.nats(name).items()} | dict(_OWN.get(name, {}))
        found |= dict.fromkeys(row.keys, _KEY)
        if row.admin:
            found |= {f"{row.prefix}_ADMIN_EMAIL": EMAIL, f"{row.prefix}_ADMIN_PASSWORD": PASSWORD}
        if row.seeded:
            found[f"{row.prefix}_SEED"] = "true"
        if row.url_variable and row.store in {server.name for server in self.servers}:
            found[row.url_variable] = self.servers.urls[name]
        return found


@asynccontextmanager
async def single(
    home: Path,
    only: Sequence[ServerName] = ("nats", "postgres", "mongo"),
    services: Mapping[str, str] = MODULES,
    gateway: Mapping[str, str] = NOTHING,
    /,
    **environment: str,
) -> AsyncIterator[Single]:
    """Start it; `services` names the module of each, `gateway` and `environment` what it and they are told besides."""
    async with Servers(home, only=set(only)) as servers, AsyncExitStack() as resources:
        mesh = Single(servers)
        for name, run in {**services, "gateway": "gateway"}.items():
            more = gateway if name == "gateway" else environment
            process = service(servers.home.logs / f"{name}.log", run, **mesh.environment(name), **more)
            mesh.processes[name] = process
        resources.push_async_callback(mesh.stop)
        await asyncio.gather(*(process.start() for process in mesh.processes.values()))
        for name in services:
            await mesh.processes[name].said("service_started")
        port = (await mesh.processes["gateway"].said("gateway_started"))["port"]
        mesh.url = f"http://127.0.0.1:{port}"
        yield mesh


@asynccontextmanager
async def http_to(mesh: Single) -> AsyncIterator[Balancer]:
    """An HTTP client of its gateway."""
    balancer = Balancer([mesh.url])
    try:
        yield balancer
    finally:
        await balancer.close()
