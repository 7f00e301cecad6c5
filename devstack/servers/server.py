"""What NATS, PostgreSQL and MongoDB have in common: free ports, and a known moment of readiness."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from typing import TYPE_CHECKING

from devstack.errors import DevstackError
from devstack.processes.program import Program
from devstack.servers.ports import Reservation, check_port

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devstack.home.credentials import Credentials
    from devstack.home.home import Home
    from devstack.processes.child import Command

_ATTEMPTS = 5


class Server(Program):
    """A server on loopback ports that it keeps while the stack runs."""

    port_count = 1
    ready_within = 60.0  # far more than a start takes, even after a crash

    def __init__(self, name: str, home: Home, credentials: Credentials) -> None:
        """Reserves free ports until it has served for the first time."""
        super().__init__(name, home)
        self.data = home.path / name
        self.credentials = credentials
        self._reserved = Reservation(self.port_count)
        self.ports = self._reserved.ports
        self._is_fixed = False
        self.has_served = asyncio.Event()
        """Set when it serves for the first time. From then on its ports are fixed."""

    @property
    def port(self) -> int:
        """The port for clients."""
        return self.ports[0]

    def listen_on(self, ports: Sequence[int], another: str) -> None:
        """Listen on these ports. If there are fewer than it needs, the rest are free ones.

        Raises:
            DevstackError: one is in use. `another` says how to choose a different one.

        """
        for port in ports:
            check_port("127.0.0.1", port, another)
        self.ports = (*ports, *self.ports[len(ports) :])
        self._is_fixed = True

    async def prepare(self) -> None:
        """Create the data folder if there is none. Called once, before the first start."""
        self.data.mkdir(mode=0o700, exist_ok=True)

    @abstractmethod
    def command(self) -> Command:
        """The command that runs the server on `self.ports`."""

    async def spawn(self) -> None:
        """Start the process on its ports."""
        await self.child.spawn(self.command())

    async def start(self) -> None:
        """Start. The first start may choose other ports; later ones may not, since clients know the ports."""
        if self.has_served.is_set():
            await super().start()
            return
        await self.prepare()
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                await super().start()
            except DevstackError:
                # Another process took the port after it was found free.
                if self._is_fixed or attempt == _ATTEMPTS or "address already in use" not in self.child.said().lower():
                    raise
                self._reserved = Reservation(self.port_count)
                self.ports = self._reserved.ports
            else:
                self._reserved.release()
                self.has_served.set()
                return
