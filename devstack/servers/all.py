"""Real NATS, PostgreSQL and MongoDB in one folder, for a whole stack or for a test."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

from devstack.errors import DevstackError
from devstack.home.credentials import load_credentials
from devstack.home.home import open_home
from devstack.home.ports import read_ports
from devstack.processes.program import kind_of
from devstack.processes.progress import silent
from devstack.servers.mongo import Mongo
from devstack.servers.nats import CONFIGURATION, Nats, nats_nodes
from devstack.servers.postgres import Postgres
from devstack.servers.streams import make_streams
from ops.nkeys import DEPLOYER
from ops.streams import streams
from services import PROCESSES
from subjects import EVENTS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from devstack.home.credentials import Credentials
    from devstack.home.home import Home
    from devstack.processes.progress import OnProgress
    from devstack.servers.server import Server
    from mesh.core.event import Event
    from ops.process import Process, ServerName


class Servers:
    """`async with Servers(home) as servers:` starts all three together and stops them at the end.

    They are named nats, postgres and mongo; the nodes of a cluster are nats-1, nats-2 and so on. `home` keeps their
    data, users and passwords for the next `Servers` on the same folder. Their ports may change. Several homes can run
    side by side.
    """

    home: Home
    credentials: Credentials
    nats: tuple[Nats, ...]
    postgres: Postgres
    mongo: Mongo

    def __init__(  # noqa: PLR0913  each says what may differ between two sets of servers
        self,
        home: Path,
        only: Collection[ServerName] = ("nats", "postgres", "mongo"),
        nats_nodes: int = 1,
        nats_configuration: Path = CONFIGURATION,
        *,
        tls: bool = False,
        processes: Iterable[Process] = PROCESSES,
        events: Iterable[Event[Any]] = EVENTS,
        ports: Mapping[ServerName, int] | None = None,
        keep_ports: bool = False,
    ) -> None:
        """`only` selects fewer than all three servers. NATS may be a cluster, and may be encrypted.

        Each of `processes` without a database and secrets gets them. NATS gets the streams of `events`. A server in
        `ports` uses that port for clients; with `keep_ports` the others use those of the last start.
        """
        self._processes = tuple(processes)
        self._streams = streams(self._processes, events) if "nats" in only else ()
        self._streams_made = asyncio.Event()
        self._ports = dict(ports or {})
        self._keep_ports = keep_ports
        self._path = home
        self._nats_nodes = nats_nodes
        self._nats_configuration = nats_configuration
        self._tls = tls
        self._only = frozenset(only)
        self._running: dict[str, Server] = {}
        self._is_open = False

    async def __aenter__(self) -> Self:
        """Start the servers."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the servers."""
        await self.stop_all()

    @property
    def nats_url(self) -> str:
        """URLs for clients, one for each node, separated by commas. Users are in `nats_seeds`."""
        return ",".join(node.url for node in self.nats)

    @property
    def nats_monitor_url(self) -> str:
        """URLs of nats-server's monitoring, in the order of `nats_url`, separated by commas."""
        return ",".join(node.monitor_url for node in self.nats)

    @property
    def nats_seeds(self) -> dict[str, str]:
        """The nkey seed of each user of nats.conf."""
        return self.credentials.nats

    @property
    def nats_ca(self) -> Path | None:
        """The CA of NATS if it is encrypted, or None."""
        return self.home.path / "tls" / "ca.pem" if self._tls else None

    @property
    def urls(self) -> dict[str, str]:
        """The URL of each process's database, with its owner's credentials."""
        return {**self.postgres.urls, **self.mongo.urls}

    def __iter__(self) -> Iterator[Server]:
        """The selected servers."""
        return iter(self._running.values())

    def pid(self, name: str) -> int | None:
        """The id of a server's process, or None."""
        return self._running[name].child.pid

    async def open(self) -> None:
        """Lock the home and prepare the servers, without starting them. `start` calls it otherwise.

        Raises:
            DevstackError: the home is in use, or its secrets cannot be read.

        """
        if self._is_open:
            return
        self.home = await open_home(self._path)
        self._is_open = True
        try:
            self._running = self._make()
        except BaseException:
            await self.stop_all()
            raise

    def _make(self) -> dict[str, Server]:
        self.credentials = load_credentials(self.home.path, self._processes)
        self.nats = nats_nodes(self._nats_nodes, self.home, self.credentials, self._nats_configuration, tls=self._tls)
        self.postgres = Postgres(self.home, self.credentials, self._processes)
        self.mongo = Mongo(self.home, self.credentials, self._processes)
        every: dict[ServerName, tuple[Server, ...]] = {
            "nats": self.nats,
            "postgres": (self.postgres,),
            "mongo": (self.mongo,),
        }
        kept = read_ports(self.home.path) if self._keep_ports else {}
        for kind, servers in every.items():
            if kind not in self._only:
                continue
            for number, server in enumerate(servers):
                if kind in self._ports:
                    server.listen_on([self._ports[kind] + number], f"choose another with --{kind}-port")
                elif server.name in kept:
                    server.listen_on(kept[server.name][: server.port_count], "start without --keep-ports")
        return {server.name: server for kind, servers in every.items() if kind in self._only for server in servers}

    async def start(self, on_progress: OnProgress = silent) -> None:
        """Start all servers together.

        Raises:
            DevstackError: one failed to start; the others are stopped again.

        """
        await self.open()
        try:
            async with asyncio.TaskGroup() as starting:
                for server in self:
                    starting.create_task(_start(server, on_progress))
                starting.create_task(self._make_streams(on_progress))
        except BaseException as error:
            await self.stop_all()
            if isinstance(error, BaseExceptionGroup):
                raise error.exceptions[0] from None  # the others failed because they were cancelled
            raise

    async def _make_streams(self, on_progress: OnProgress) -> None:
        if self._streams and "nats" in self._only:
            await asyncio.gather(*(node.has_served.wait() for node in self.nats))
            seed = self.nats_seeds[DEPLOYER]
            done = await make_streams(self._streams, self.nats_url, seed, self.nats_ca, len(self.nats))
            if done:
                first = self.nats[0]
                on_progress(first.name, "ready", f"127.0.0.1:{first.port}; streams: {done}")
        self._streams_made.set()

    async def until_serving(self, kinds: Collection[ServerName]) -> None:
        """During a start, wait until the selected servers of these kinds serve, and NATS has its streams."""
        for server in self:
            if kind_of(server.name) in kinds:
                await server.has_served.wait()
        if "nats" in kinds:
            await self._streams_made.wait()

    async def stop_all(self) -> None:
        """Stop all servers together and release the home."""
        await asyncio.gather(*(server.child.stop() for server in self))
        self._running = {}
        if self._is_open:
            self._is_open = False
            self.home.close()

    async def kill(self, name: str) -> None:
        """Kill a server, as a crash would."""
        await self._running[name].child.kill()

    async def stop(self, name: str) -> None:
        """Stop a server gracefully."""
        await self._running[name].child.stop()

    async def restart(self, name: str) -> None:
        """Stop a server if it runs, and start it again on its port. On return it serves."""
        await self._running[name].restart()

    def freeze(self, name: str) -> None:
        """Suspend a server, as on a hanging machine: its connections stay open, and it does not answer."""
        self._running[name].child.freeze()

    def thaw(self, name: str) -> None:
        """Resume a frozen server."""
        self._running[name].child.thaw()

    async def reload(self, name: str) -> None:
        """Reload the configuration of a NATS server. Raises DevstackError if the server refuses it."""
        (node,) = (node for node in self.nats if node.name == name)
        await node.reload()


async def _start(server: Server, on_progress: OnProgress) -> None:
    on_progress(server.name, "starting", "")
    try:
        await server.start()
    except DevstackError as error:
        on_progress(server.name, "failed", str(error))
        raise
    on_progress(server.name, "ready", f"127.0.0.1:{server.port}")
