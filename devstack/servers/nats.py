"""The NATS servers of the stack, one or a cluster, with users and permissions of nats.conf."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.errors import DevstackError
from devstack.processes.child import Command
from devstack.processes.program import process_names
from devstack.processes.waiting import until, until_confirmed
from devstack.servers import binaries
from devstack.servers.monitoring import configured_at, neighbours
from devstack.servers.server import Server
from ops.nkeys import public_key, variable
from ops.private_files import write_private

if TYPE_CHECKING:
    from devstack.home.credentials import Credentials
    from devstack.home.home import Home

_ROOT = Path(__file__).parents[2].resolve()
CONFIGURATION = _ROOT / "nats.conf"
_WITH_TLS = _ROOT / "nats-tls.conf"
_HOST = "127.0.0.1"
_RELOADS_WITHIN = 5.0


class Nats(Server):
    """nats-server, with ports for clients and for monitoring."""

    port_count = 2

    def __init__(
        self,
        name: str,
        home: Home,
        credentials: Credentials,
        configuration: Path = CONFIGURATION,
        tls: Path | None = None,
    ) -> None:
        """See `Server`. It runs alone unless `peers` are set. `tls` is the folder of its certificates."""
        super().__init__(name, home, credentials)
        self.peers: tuple[Nats, ...] = ()
        self._base = _WITH_TLS if tls else configuration
        self._tls = tls

    @property
    def url(self) -> str:
        """The URL for clients, without a user."""
        return f"{'tls' if self._tls else 'nats'}://{_HOST}:{self.port}"

    @property
    def monitor_port(self) -> int:
        """The port of its monitoring pages."""
        return self.ports[1]

    @property
    def monitor_url(self) -> str:
        """The URL below which `/varz`, `/connz` and `/healthz` are."""
        return f"http://{_HOST}:{self.monitor_port}"

    @property
    def _route_port(self) -> int:
        return self.ports[2]

    @property
    def _configuration(self) -> Path:
        return self.data / "cluster.conf" if self.peers else self._base

    def command(self) -> Command:
        """nats.conf with what it leaves open: addresses, users, files."""
        users = {variable(user): public_key(seed) for user, seed in self.credentials.nats.items()}
        return Command(
            argv=(
                str(binaries.nats_server()),
                *("-c", str(self._configuration)),
                *("-a", _HOST, "-p", str(self.port), "-m", str(self.monitor_port)),
                *("--ports_file_dir", str(self.data)),
            ),
            env={"PATH": os.defpath, **users, **self._files()},
            orphan_signal=signal.SIGTERM,
        )

    def _files(self) -> dict[str, str]:
        files = {"NATS_STORE_DIR": _quoted(self.data)}
        if self._tls:
            names = {"CERT": "server.pem", "KEY": "server-key.pem", "CA": "ca.pem"}
            files |= {f"NATS_SERVER_{what}": _quoted(self._tls / name) for what, name in names.items()}
            files["NATS_SERVER_VERIFY"] = "false"
        return files

    async def spawn(self) -> None:
        """Remove what a killed server left: with the same process id, the new server would look ready too soon."""
        for stale in self.data.glob("*.ports"):
            stale.unlink()
        if self.peers:
            write_private(self._configuration, self._cluster())
        await super().spawn()

    def _cluster(self) -> str:
        """The configuration of a cluster node. It is in a file, since everyone can see a process's arguments."""
        password = self.credentials.nats_cluster
        routes = [f"nats://node:{password}@{_HOST}:{peer._route_port}" for peer in self.peers]  # noqa: SLF001  its own kind
        return f"""\
include "{os.path.relpath(self._base, self.data.resolve())}"
server_name: {self.name}
cluster {{
  name: mesh
  listen: "{_HOST}:{self._route_port}"
  authorization {{ user: node, password: {password} }}
  routes: [{", ".join(f'"{route}"' for route in routes)}]
  pool_size: -1  # one connection per neighbour, which carries all messages
  ping_interval: "2s"  # a hanging node is given up after 4 to 6 seconds, and messages sent through it are lost
  ping_max: 2
  {"tls { cert_file: $NATS_SERVER_CERT, key_file: $NATS_SERVER_KEY, ca_file: $NATS_SERVER_CA }" if self._tls else ""}
}}
"""

    async def serving(self) -> None:
        """Wait for the file that the server writes once it listens, named by its process id, and then for its peers."""
        ports_file = self.data / f"nats-server_{self.child.pid}.ports"
        await until(ports_file.exists)
        if self.peers:
            await until_confirmed(self._has_joined)

    async def _has_joined(self) -> bool:
        """Whether this node and every node that answers have routes to each other.

        Of two starting nodes, at least the one that listens later sees the other. So both are joined once both serve.
        """
        known, *others = await asyncio.gather(*(neighbours(node.monitor_port) for node in (self, *self.peers)))
        return known is not None and all(
            names is None or (self.name in names and peer.name in known)
            for peer, names in zip(self.peers, others, strict=True)
        )

    async def reload(self) -> None:
        """Have the server reload its configuration. On return it has.

        Raises:
            DevstackError: it refused, or does not run.

        """
        if self.child.pid is None:
            raise DevstackError(f"{self.name} is not running")
        before = await configured_at(self.monitor_port)

        async def has_reloaded() -> bool:
            return await configured_at(self.monitor_port) not in {before, None}

        self.child.signal(signal.SIGHUP)
        try:
            async with asyncio.timeout(_RELOADS_WITHIN):
                await until_confirmed(has_reloaded)
        except TimeoutError:
            raise DevstackError(f"{self.name} refuses its configuration{self.last_words()}") from None


class Node(Nats):
    """A node of a cluster. It has a port for the other nodes too."""

    port_count = 3


def nats_nodes(
    count: int, home: Home, credentials: Credentials, configuration: Path = CONFIGURATION, *, tls: bool = False
) -> tuple[Nats, ...]:
    """One server, or the nodes of a cluster. With `tls`, also their certificates."""
    folder = _certificates(home.path / "tls") if tls else None
    kind = Nats if count == 1 else Node
    nodes = tuple(kind(name, home, credentials, configuration, folder) for name in process_names("nats", count))
    for node in nodes:
        node.peers = tuple(other for other in nodes if other is not node)
    return nodes


def _certificates(folder: Path) -> Path:
    from ops.certificates import Authority  # noqa: PLC0415  0.03 s, for those who asked for TLS

    folder.mkdir(mode=0o700, exist_ok=True)
    Authority(folder).issue("server", [_HOST, "localhost"])
    return folder


def _quoted(path: Path) -> str:
    """A path as a quoted value: nats-server parses the content of a variable."""
    return json.dumps(str(path), ensure_ascii=False)
