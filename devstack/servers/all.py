"""Real NATS, PostgreSQL and MongoDB in one folder: for a whole stack, and for a test that wants only these."""

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
    """`async with Servers(home) as servers:` starts all three at once and stops them at the end.

    They are named nats, postgres and mongo; the nodes of a cluster are nats-1, nats-2 and so on. Everything in `home`
    is kept: another `Servers` on the same folder finds the same users, passwords and data, on ports that may be others.
    Several run side by side in different homes.
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
        """Choose the folder and, with `only`, fewer than all three servers; NATS may be a cluster, and encrypted.

        Each of `processes` gets its database and its secrets if it has none yet. NATS has the streams of `events`.
        A server in `ports` has that one for clients; with `keep_ports` the others have those of the last start.
        """
        self._processes = tuple(processes)
        self._streams = streams(self._processes, events)
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
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop_all()

    @property
    def nats_url(self) -> str:
        """Where clients connect, as one of the users of `nats_seeds`; each node of a cluster, with commas."""
        return ",".join(node.url for node in self.nats)

    @property
    def nats_monitor_url(self) -> str:
        """Where nats-server tells about itself over HTTP; in the same order as `nats_url`, with commas."""
        return ",".join(node.monitor_url for node in self.nats)

    @property
    def nats_seeds(self) -> dict[str, str]:
        """The nkey seed of each user of nats.conf."""
        return self.credentials.nats

    @property
    def nats_ca(self) -> Path | None:
        """Who vouches for NATS, where it is encrypted."""
        return self.home.path / "tls" / "ca.pem" if self._tls else None

    @property
    def urls(self) -> dict[str, str]:
        """The database of each process that has one, by the process's name, as its owner."""
        return {**self.postgres.urls, **self.mongo.urls}

    def __iter__(self) -> Iterator[Server]:
        """Go through the servers that were asked for."""
        return iter(self._running.values())

    def pid(self, name: str) -> int | None:
        """Return the number of a server's process, None where there is none now."""
        return self._running[name].child.pid

    async def open(self) -> None:
        """Lock the home, and start nothing yet; `start` does it otherwise.

        Raises:
            DevstackError: it is in use, or its secrets cannot be read.

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
        """Start everything at once.

        Raises:
            DevstackError: one of them did not start; the others are stopped again.

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
                raise error.exceptions[0] from None  # the others failed for being cancelled
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
        """Wait, while they are started, until those of these kinds serve that were asked for; NATS with its streams."""
        for server in self:
            if kind_of(server.name) in kinds:
                await server.has_served.wait()
        if "nats" in kinds:
            await self._streams_made.wait()

    async def stop_all(self) -> None:
        """Stop everything at once and let go of the home."""
        await asyncio.gather(*(server.child.stop() for server in self))
        self._running = {}
        if self._is_open:
            self._is_open = False
            self.home.close()

    async def kill(self, name: str) -> None:
        """End one as a crash would."""
        await self._running[name].child.kill()

    async def stop(self, name: str) -> None:
        """End one in good order."""
        await self._running[name].child.stop()

    async def restart(self, name: str) -> None:
        """Stop one if it runs, and start it again on its port; on return it serves."""
        await self._running[name].restart()

    def freeze(self, name: str) -> None:
        """Let one stand still, as on a machine that hangs: its connections stay open, and nobody answers."""
        self._running[name].child.freeze()

    def thaw(self, name: str) -> None:
        """Let a frozen one go on."""
        self._running[name].child.thaw()

    async def reload(self, name: str) -> None:
        """Have a NATS server read its configuration again; on return it has. Raises DevstackError if it refuses."""
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
