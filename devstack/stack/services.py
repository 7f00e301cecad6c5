"""The services as processes, started by module name. None is imported here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.processes.child import Command
from devstack.processes.program import Program, kind_of
from devstack.processes.waiting import until
from mesh.core.settings import word
from services import BY_NAME, PROCESSES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from devstack.home.home import Home
    from devstack.stack.settings import ServiceName
    from ops.process import ServerName

ServiceCommand = Callable[["ServiceName"], Sequence[str]]

SERVICES: tuple[ServiceName, ...] = tuple(row.name for row in sorted(PROCESSES, key=lambda row: not row.serves))
"""All services in the order of their start: workers first."""

_STARTED = (
    "service_started",
    "gateway_started",
    "console_started",
)  # the event that a process logs once it accepts requests
_LEVELS_THAT_TELL = {"debug", "info"}
ROOT = Path(__file__).parents[2]  # where the packages are


def run_module(service: ServiceName) -> Sequence[str]:
    """The command that runs a service with this interpreter."""
    return (sys.executable, "-m", BY_NAME[service].package)


class Service(Program):
    """One process of a service."""

    def __init__(
        self,
        name: str,
        home: Home,
        argv: Sequence[str],
        env: Callable[[], Mapping[str, str]],
        mesh_is_ready: Callable[[], Awaitable[None]],
    ) -> None:
        """`mesh_is_ready` returns once a gateway reports all services ready.

        `env` is called at each start: a server's port can change until it serves.
        """
        super().__init__(name, home)
        self._argv = tuple(argv)
        self._env = env
        self._mesh_is_ready = mesh_is_ready
        self.niceness = 0
        """The niceness of the process once it serves; set it before the start. It starts as fast as the others."""

    @property
    def servers(self) -> tuple[ServerName, ...]:
        """The servers that must serve before it starts."""
        return BY_NAME[kind_of(self.name)].servers

    async def spawn(self) -> None:
        """Start the process."""
        await self.child.spawn(Command(argv=self._argv, env=self._env(), cwd=ROOT))

    @property
    def logs_when_serving(self) -> bool:
        """Whether its log level is low enough to log that it serves."""
        return word(self._env().get("LOG_LEVEL", "info")) in _LEVELS_THAT_TELL

    async def serving(self) -> None:
        """Wait until the process serves. From then on it gives way, if it does."""
        await self.until_serving()
        if self.niceness:
            await self.child.give_way(self.niceness)

    async def until_serving(self) -> None:
        """Wait until the process logs that it serves, and then until the gateway reports all services ready.

        The log comes first: until the process listens, another stack's gateway may answer on the same port.
        """
        await self._own_word()
        await self._mesh_is_ready()

    async def _own_word(self) -> None:
        if self.logs_when_serving:
            await until(lambda: any(word in self.child.said() for word in _STARTED))


class Worker(Service):
    """A process that listens on no port. Its log says that it serves, unless its log level is too high."""

    @property
    def overlaps(self) -> bool:
        """Two may serve at once, if the log shows when the second does."""
        return self.logs_when_serving

    async def until_serving(self) -> None:
        """Wait for its log. The gateway's report could be about another replica."""
        if self.logs_when_serving:
            await self._own_word()
        else:
            await super().until_serving()


class Console(Service):
    """The console. It is no part of the mesh, and serves even while the mesh does not."""

    @property
    def servers(self) -> tuple[ServerName, ...]:
        """It talks to NATS alone."""
        return ("nats",)

    async def until_serving(self) -> None:
        """Wait for its log, if its level allows."""
        await self._own_word()
