"""The whole system as one object: servers, workers and gateway, started in order, kept running, stopped in order."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from typing import TYPE_CHECKING, Self

from devstack.environment import Surroundings
from devstack.errors import DevstackError
from devstack.follow import follow
from devstack.ports import check_http_port, free_ports
from devstack.progress import silent
from devstack.readiness import until_ready
from devstack.servers import Servers
from devstack.services import SERVICES, Service, process_names, run_module
from devstack.state import Admin, Databases, Operator, StackState, remove_stack, write_stack
from devstack.supervision import supervise

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from devstack.program import Program
    from devstack.progress import OnProgress, State
    from devstack.servers import ServerName
    from devstack.services import ServiceCommand
    from devstack.settings import StackSettings

_READY_WITHIN = 90.0
_ADMIN_EMAIL = "admin@northwind.example"


class Stack:
    """`async with Stack(StackSettings()) as stack: await stack.wait()` runs the system until cancelled.

    `on_progress` hears what becomes of each process, `on_line` every line that one logs.
    """

    def __init__(
        self,
        settings: StackSettings,
        on_progress: OnProgress = silent,
        on_line: Callable[[str, str], None] | None = None,
        service_command: ServiceCommand = run_module,
    ) -> None:
        """Start nothing yet. `service_command` may run a service in another way than as a module of this project."""
        self.settings = settings
        self._tell = on_progress
        self._on_line = on_line
        self._service_command = service_command
        self._servers = Servers(settings.home, _embedded(settings))
        self._services: list[Service] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._state: StackState | None = None

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    @property
    def state(self) -> StackState:
        """What stack.json says: addresses, credentials, process numbers. There is none before the stack is ready."""
        if self._state is None:
            raise DevstackError("the stack is not ready")
        return self._state

    async def start(self) -> None:
        """Start everything and return when the gateway says that all of it works.

        Raises:
            DevstackError: with what is in the way; whatever had started is stopped again.

        """
        await self._servers.open()
        try:
            remove_stack(self._servers.home.path)  # what a killed stack has left: the lock is ours, it runs no more
            check_http_port(self.settings.http_host, self.settings.http_port)
            await self._servers.start(self._on_progress)
            surroundings = self._surroundings()
            self._services = self._make_services(surroundings)
            programs: list[Program] = [*self._servers, *self._services]
            self._follow(programs)
            await self._until_ready(programs)
            self._state = self._describe(surroundings)
            write_stack(self._state)
        except BaseException:
            await self.stop()
            raise

    async def wait(self) -> None:
        """Stay until cancelled."""
        await asyncio.gather(*self._tasks)

    async def stop(self) -> None:
        """Stop the gateway first, so that requests in flight find their workers, and the servers last."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        gateways = [service for service in self._services if service.name == "gateway"]
        workers = [service for service in self._services if service.name != "gateway"]
        await self._stop(gateways)
        await self._stop(workers)
        await self._stop(list(self._servers))
        self._services = []
        if self._state is not None:
            self._state = None
            remove_stack(self._servers.home.path)
        await self._servers.stop_all()

    async def _stop(self, programs: Sequence[Program]) -> None:
        async def stop(program: Program) -> None:
            if program.child.pid is not None:
                self._tell(program.name, "stopping", "")
            await program.child.stop()
            self._tell(program.name, "stopped", "")

        await asyncio.gather(*map(stop, programs))

    def _on_progress(self, name: str, state: State, detail: str) -> None:
        if self._state is not None:
            self._state = self._state.model_copy(update={"processes": self._processes()})
            write_stack(self._state)
        self._tell(name, state, detail)

    def _processes(self) -> dict[str, int]:
        programs: list[Program] = [*self._servers, *self._services]
        return {program.name: program.child.pid for program in programs if program.child.pid is not None}

    def _make_services(self, surroundings: Surroundings) -> list[Service]:
        host, port = surroundings.gateway_host, surroundings.gateway_port
        mesh_is_ready = partial(until_ready, _reachable(host), port)
        services = []
        for service in SERVICES:
            env = surroundings.environment(service, os.environ)
            count = 1 if service == "gateway" else self.settings.replicas.get(service, 1)
            for name in process_names(service, count):
                argv = self._service_command(service)
                services.append(Service(name, self._servers.home, argv, env, mesh_is_ready))
        return services

    def _follow(self, programs: Sequence[Program]) -> None:
        if self._on_line is not None:
            for program in programs:
                on_line = partial(self._on_line, program.name)
                self._tasks.append(asyncio.create_task(follow(program.child.log, on_line)))

    async def _until_ready(self, programs: Sequence[Program]) -> None:
        events = [asyncio.Event() for _ in programs]
        for program, first_ready in zip(programs, events, strict=True):
            self._tasks.append(asyncio.create_task(supervise(program, self._on_progress, first_ready)))
        all_ready = asyncio.create_task(_all(events))
        try:
            done, _ = await asyncio.wait(
                {all_ready, *self._tasks}, timeout=_READY_WITHIN, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            all_ready.cancel()
        for task in done:
            task.result()  # raises: a supervisor ends with an error or not at all
        if not done:
            last_words = "".join(program.last_words() for program in self._services)
            raise DevstackError(f"the mesh is not ready after {_READY_WITHIN:g} s{last_words}")

    def _surroundings(self) -> Surroundings:
        settings, servers = self.settings, self._servers
        return Surroundings(
            gateway_host=settings.http_host,
            gateway_port=settings.http_port or free_ports(1)[0],
            nats_url=settings.nats_url or servers.nats_url,
            nats_passwords=None if settings.nats_url else servers.nats_passwords,
            customers_url=settings.customers_database_url or servers.customers_url,
            products_url=settings.products_database_url or servers.products_url,
            mongo_url=settings.auth_mongodb_url or servers.mongo_url,
            # A database of somebody else's has its administrator and its keys already: the terminal may tell them.
            admin_email=os.environ.get("AUTH_ADMIN_EMAIL", _ADMIN_EMAIL),
            admin_password=os.environ.get("AUTH_ADMIN_PASSWORD", servers.credentials.auth_admin_password),
            key_encryption_key=os.environ.get("AUTH_KEY_ENCRYPTION_KEY", servers.credentials.auth_key_encryption_key),
        )

    def _describe(self, surroundings: Surroundings) -> StackState:
        home = self._servers.home
        passwords = surroundings.nats_passwords
        if passwords is None:  # whoever runs NATS has told us one user for everything
            operator = Operator(user=os.environ.get("NATS_USER"), password=os.environ.get("NATS_PASSWORD"))
        else:
            operator = Operator(user="operator", password=passwords["operator"])
        return StackState(
            gateway_url=f"http://{_in_url(_reachable(surroundings.gateway_host))}:{surroundings.gateway_port}",
            nats_url=surroundings.nats_url,
            nats_monitor_url=self._servers.nats_monitor_url if passwords else None,
            operator=operator,
            admin=Admin(email=surroundings.admin_email, password=surroundings.admin_password),
            postgres=Databases(customers_url=surroundings.customers_url, products_url=surroundings.products_url),
            mongo_url=surroundings.mongo_url,
            home=home.path,
            logs=home.logs,
            pid=os.getpid(),
            processes=self._processes(),
        )


def _embedded(settings: StackSettings) -> list[ServerName]:
    """Name the servers that nobody else runs."""
    needed: dict[ServerName, bool] = {
        "nats": settings.nats_url is None,
        "postgres": settings.customers_database_url is None or settings.products_database_url is None,
        "mongo": settings.auth_mongodb_url is None,
    }
    return [name for name, is_needed in needed.items() if is_needed]


async def _all(events: Sequence[asyncio.Event]) -> None:
    for event in events:
        await event.wait()


def _reachable(host: str) -> str:
    """Turn an address that means all of a machine's into one to connect to."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
