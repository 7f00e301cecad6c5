"""The whole system as one object: starts servers, workers and gateway, keeps them running, and stops them."""

from __future__ import annotations

import asyncio
import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Self

from devstack.errors import DevstackError
from devstack.home.admin import keep_admin
from devstack.home.ports import keep_ports
from devstack.home.state import StackState, remove_stack, write_stack, write_targets
from devstack.processes.follow import follow
from devstack.processes.program import process_names
from devstack.processes.progress import silent
from devstack.processes.supervision import Supervisor
from devstack.servers.all import Servers
from devstack.servers.mail_sink import MailSink
from devstack.stack.addresses import Ports, choose_ports, reachable
from devstack.stack.control import Control
from devstack.stack.description import describe, embedded, makes_admin, requested_ports, surroundings
from devstack.stack.readiness import until_ready
from devstack.stack.replaced import write_environments
from devstack.stack.services import SERVICES, Console, Service, Worker, run_module
from devstack.stack.waiting import Waiting, all_set
from mesh.core.settings import not_blank
from ops.nkeys import CONSOLE
from services import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from devstack.processes.program import Program
    from devstack.processes.progress import OnProgress, State
    from devstack.stack.environment import Surroundings
    from devstack.stack.services import ServiceCommand
    from devstack.stack.settings import ServiceName, StackSettings


class Stack:
    """`async with Stack(StackSettings()) as stack: await stack.wait()` runs the system until cancelled.

    `on_progress` is called with each change of a process's state, `on_line` with every line that a process logs.
    """

    def __init__(
        self,
        settings: StackSettings,
        on_progress: OnProgress = silent,
        on_line: Callable[[str, str], None] | None = None,
        service_command: ServiceCommand = run_module,
    ) -> None:
        """Does not start yet. `service_command` can run a service in another way than as a module of this project."""
        self.settings = settings
        self._terminal = not_blank(os.environ)
        self._report = on_progress
        self._on_line = on_line
        self._service_command = service_command
        self._servers = Servers(
            settings.home,
            embedded(settings),
            settings.nats_nodes,
            settings.nats_configuration,
            tls=settings.tls,
            ports=requested_ports(settings),
            keep_ports=settings.keep_ports,
        )
        self._mail = MailSink()
        self._control = Control(self.restart, self._processes)
        self._ports = Ports()
        self._waiting = Waiting(on_progress, self._first_gateway)
        self._services: list[Service] = []
        self._supervisors: dict[str, Supervisor] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._state: StackState | None = None

    async def __aenter__(self) -> Self:
        """Start the system."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the system."""
        await self.stop()

    @property
    def state(self) -> StackState:
        """The contents of stack.json: addresses, credentials, process ids. Raises DevstackError if not yet ready."""
        if self._state is None:
            raise DevstackError("the stack is not ready")
        return self._state

    @property
    def console_url(self) -> str | None:
        """A URL that signs one browser in to the console, once; None if it does not run."""
        return self._ports.console.printed_url if self._ports.console else None

    async def start(self) -> None:
        """Start everything. Returns when the gateway is ready.

        Raises:
            DevstackError: with the reason; processes that had started are stopped again.

        """
        await self._servers.open()
        try:
            remove_stack(self._servers.home.path)  # left by a killed stack: we hold the lock, so it has ended
            self._ports = choose_ports(self.settings, self._servers.home.path)
            await self._mail.start(self._servers.home.path)
            services = self._make_services()
            programs: list[Program] = [*self._servers, *services]
            self._supervisors = {program.name: Supervisor(program, self._on_progress) for program in programs}
            self._follow(programs)
            self._tasks += [asyncio.create_task(self._begin(service)) for service in services]
            telling = asyncio.create_task(self._waiting.run({program.name: program for program in programs}))
            self._tasks.append(telling)
            await self._servers.start(self._on_progress)
            environments = self._write_environments()
            self._tasks += [asyncio.create_task(self._supervisors[server.name].run()) for server in self._servers]
            await self._waiting.until_all_serve(list(self._supervisors.values()), self._tasks)
            self._ports.release()
            telling.cancel()
            self._tasks.remove(telling)
            self._describe(environments)
            if makes_admin(self.settings):
                keep_admin(self._servers.home.path, self.state.admin)
            await self._control.open(self._servers.home.path)
        except BaseException:
            await self.stop()
            raise

    async def wait(self) -> None:
        """Wait until cancelled."""
        await asyncio.gather(*self._tasks)

    async def stop(self) -> None:
        """Stop the gateway first, so that requests in flight still find workers, and the servers last."""
        await self._control.close()
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._stop([service for service in self._services if not isinstance(service, Worker)])
        await self._stop([service for service in self._services if isinstance(service, Worker)])
        await self._stop([server for server in self._servers if server.name in self._supervisors])
        self._services = []
        if self._state is not None:
            self._state = None
            remove_stack(self._servers.home.path)
        self._ports.release()
        await self._mail.stop()
        await self._servers.stop_all()

    def pid(self, name: str) -> int | None:
        """The id of a process by its name in stack.json; None if it does not run."""
        return self._supervisors[name].program.child.pid

    async def kill(self, name: str) -> None:
        """Kill a process, as a crash would. It is restarted after a moment: see `until_serving`."""
        await self._supervisors[name].kill()

    async def until_serving(self, name: str) -> None:
        """Wait until a killed process serves again.

        Raises:
            DevstackError: it does not within 90 seconds.

        """
        await self._waiting.until_all_serve([self._supervisors[name]], self._tasks)

    async def restart(self, name: str) -> None:
        """Stop a process gracefully and start it again. On return it serves.

        A worker's new process serves before the old one is stopped. Everything else has a port, and so is down briefly.

        Raises:
            DevstackError: the old process ended with an error, or the new one failed to start.

        """
        await self._supervisors[name].restart()

    def freeze(self, name: str) -> None:
        """Suspend a process, as on a hanging machine: its connections stay open, and it does not answer."""
        self._supervisors[name].program.child.freeze()

    def thaw(self, name: str) -> None:
        """Resume a frozen process."""
        self._supervisors[name].program.child.thaw()

    async def reload(self, name: str) -> None:
        """Have a NATS server reload its configuration. On return it has."""
        await self._servers.reload(name)

    async def _begin(self, service: Service) -> None:
        """Keep a service running, once its servers serve."""
        await self._servers.until_serving(service.servers)
        self._services.append(service)
        await self._supervisors[service.name].run()

    async def _stop(self, programs: Sequence[Program]) -> None:
        async def stop(program: Program) -> None:
            if program.child.pid is not None:
                self._report(program.name, "stopping", "")
            await program.child.stop()
            self._report(program.name, "stopped", "")

        await asyncio.gather(*map(stop, programs))

    def _on_progress(self, name: str, state: State, detail: str) -> None:
        self._waiting.record(name, state, detail)
        if self._state is not None:
            ended = {name: detail.partition(";")[0]} if state == "restarting" else {}
            self._state = self._state.model_copy(
                update={"processes": self._processes(), "ended": {**self._state.ended, **ended}}
            )
            write_stack(self._state)
        self._report(name, state, detail)

    def _processes(self) -> dict[str, int]:
        pids = {name: self.pid(name) for name in self._supervisors}
        return {name: pid for name, pid in pids.items() if pid is not None}

    def _make_services(self) -> list[Service]:
        services = list[Service]()
        for service in (name for name in SERVICES if name not in self.settings.absent):
            for replica, name in enumerate(process_names(service, self.settings.replicas.get(service, 1))):
                argv = self._service_command(service)
                env = partial(self._environment, service, replica, name)
                if service == "gateway":
                    services.append(Service(name, self._servers.home, argv, env, partial(self._mesh_is_ready, replica)))
                else:
                    services.append(Worker(name, self._servers.home, argv, env, self._gateway_is_ready))
                if BY_NAME[service].gives_way:
                    services[-1].niceness = self.settings.niceness
        if self.settings.console:
            argv = (sys.executable, "-m", CONSOLE)
            services.append(
                Console(CONSOLE, self._servers.home, argv, self._console_environment, self._gateway_is_ready)
            )
        return services

    async def _mesh_is_ready(self, replica: int) -> None:
        """Ask the gateway only once all workers serve: it repeats an unready answer for a second."""
        if self._state is None:
            await all_set([one.serves for one in self._supervisors.values() if isinstance(one.program, Worker)])
        await until_ready(reachable(self.settings.http_host), self._ports.gateways[replica], self.settings.absent)

    async def _gateway_is_ready(self) -> None:
        if address := self._first_gateway():
            await until_ready(*address, self.settings.absent)

    def _first_gateway(self) -> tuple[str, int] | None:
        """The address of the first gateway; None if it is not started here."""
        return (
            None if "gateway" in self.settings.absent else (reachable(self.settings.http_host), self._ports.gateways[0])
        )

    def _environment(self, service: ServiceName, replica: int = 0, process: str = "") -> dict[str, str]:
        return self._surroundings().environment(service, self._terminal, replica, process)

    def _console_environment(self) -> dict[str, str]:
        return self._surroundings().of_console(self._servers.home.path)

    def _surroundings(self) -> Surroundings:
        return surroundings(self.settings, self._servers, self._terminal, self._ports, self._mail.url)

    def _write_environments(self) -> dict[str, Path]:
        absent = [name for name in SERVICES if name in self.settings.absent]
        return write_environments(self._servers.home.path, {name: self._environment(name) for name in absent})

    def _describe(self, environments: dict[str, Path]) -> None:
        """Write stack.json, and keep the ports for the next start."""
        known = self._surroundings()
        state = describe(self._servers, known, self._terminal, self._processes())
        self._state = state.model_copy(update={"environments": environments})
        write_stack(self._state)
        write_targets(self._state)
        ports = self._ports.gateways
        gateways = dict(zip(process_names("gateway", len(ports)), ([port] for port in ports), strict=True))
        own = {CONSOLE: [self._ports.console.port]} if self._ports.console else {}
        keep_ports(self._servers.home.path, gateways | own | {server.name: server.ports for server in self._servers})

    def _follow(self, programs: Sequence[Program]) -> None:
        if self._on_line is not None:
            for program in programs:
                on_line = partial(self._on_line, program.name)
                self._tasks.append(asyncio.create_task(follow(program.child.log, on_line)))
