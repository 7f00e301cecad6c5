"""The services as processes, started by module name: none of them is imported here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.child import Command
from devstack.program import Program

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from devstack.home import Home
    from devstack.settings import ServiceName

ServiceCommand = Callable[["ServiceName"], Sequence[str]]

SERVICES: tuple[ServiceName, ...] = ("auth", "customers", "products", "gateway")

_ROOT = Path(__file__).parent.parent  # where the packages are
_MODULES = {"gateway": "gateway", "auth": "auth_svc", "customers": "customers_svc", "products": "products_svc"}


def run_module(service: ServiceName) -> Sequence[str]:
    """Run a service with this interpreter."""
    return (sys.executable, "-m", _MODULES[service])


class Service(Program):
    """One process of a service."""

    def __init__(
        self,
        name: str,
        home: Home,
        argv: Sequence[str],
        env: Mapping[str, str],
        mesh_is_ready: Callable[[], Awaitable[None]],
    ) -> None:
        """Take what to run; `mesh_is_ready` returns once the gateway says that all services answer."""
        super().__init__(name, home)
        self._command = Command(argv=tuple(argv), env=env, cwd=_ROOT)
        self._mesh_is_ready = mesh_is_ready

    async def spawn(self) -> None:
        """Start the process."""
        await self.child.spawn(self._command)

    async def serving(self) -> None:
        """A worker shows no sign of its own: the gateway's word counts for all."""
        await self._mesh_is_ready()


def process_names(service: ServiceName, count: int) -> list[str]:
    """Name the processes of a service: by its own name, numbered where there are several."""
    return [service] if count == 1 else [f"{service}-{number}" for number in range(1, count + 1)]
