"""The services as processes, started by module name: none of them is imported here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.processes.child import Command
from devstack.processes.program import Program
from devstack.processes.waiting import until
from mesh.core.settings import word
from services import BY_NAME, PROCESSES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from devstack.home.home import Home
    from devstack.stack.settings import ServiceName

ServiceCommand = Callable[["ServiceName"], Sequence[str]]

SERVICES: tuple[ServiceName, ...] = tuple(row.name for row in sorted(PROCESSES, key=lambda row: not row.serves))
"""All of them, workers first: they are started in this order."""

_STARTED = ("service_started", "gateway_started")  # what a process logs once it takes requests
_LEVELS_THAT_TELL = {"debug", "info"}
ROOT = Path(__file__).parents[2]  # where the packages are


def run_module(service: ServiceName) -> Sequence[str]:
    """Run a service with this interpreter."""
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
        """Take what to run; `mesh_is_ready` returns once a gateway says that all services answer.

        `env` is asked for at each start: a server's port may be another until it serves.
        """
        super().__init__(name, home)
        self._argv = tuple(argv)
        self._env = env
        self._mesh_is_ready = mesh_is_ready
        self.niceness = 0
        """By which it gives way to others; whoever makes it sets it before it is started."""

    async def spawn(self) -> None:
        """Start the process."""
        await self.child.spawn(Command(argv=self._argv, env=self._env(), cwd=ROOT, niceness=self.niceness))

    @property
    def tells(self) -> bool:
        """Whether its log says when it serves; it may have been told to say less."""
        return word(self._env().get("LOG_LEVEL", "info")) in _LEVELS_THAT_TELL

    async def serving(self) -> None:
        """Wait for its own word, then for the gateway's, which counts for all.

        Its own comes first: until it listens, somebody else may on the same port, a gateway of another stack even.
        """
        await self._own_word()
        await self._mesh_is_ready()

    async def _own_word(self) -> None:
        if self.tells:
            await until(lambda: any(word in self.child.said() for word in _STARTED))


class Worker(Service):
    """A process that listens nowhere; that it serves stands in its log, unless it was told to say less."""

    @property
    def overlaps(self) -> bool:
        """Two may serve at once, if one can tell when the second does."""
        return self.tells

    async def serving(self) -> None:
        """Wait for its own word: the gateway's may be about another replica."""
        if self.tells:
            await self._own_word()
        else:
            await super().serving()
