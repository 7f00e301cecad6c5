"""The PostgreSQL server of the stack: a database for each service that needs one, closed to all other services."""

from __future__ import annotations

import os
import re
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.errors import DevstackError
from devstack.processes.child import Command
from devstack.processes.unprivileged import search_path, unprivileged
from devstack.processes.waiting import until
from devstack.servers import binaries
from devstack.servers.server import Server
from ops.private_files import write_private
from services import PROCESSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from devstack.home.credentials import Credentials
    from devstack.home.home import Home
    from ops.process import Process

_INITDB = (
    *("--username=postgres", "--encoding=UTF8", "--locale=C"),
    *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
    *("--auth-local=scram-sha-256", "--auth-host=scram-sha-256"),
)
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path has at most 107 bytes; a home's may be longer
    "max_connections": "200",
    "shared_buffers": "64MB",
    "fsync": "on",
}
_CLOSED = ("REVOKE ALL ON DATABASE postgres FROM PUBLIC", "REVOKE ALL ON DATABASE template1 FROM PUBLIC")
_STATUS_LINE = 7  # the line of postmaster.pid in which pg_ctl, too, looks for "ready"


class Postgres(Server):
    """One server for all databases. In production, each database may have its own."""

    def __init__(self, home: Home, credentials: Credentials, processes: Iterable[Process] = PROCESSES) -> None:
        """See `Server`. Each process that keeps its data in PostgreSQL has a database."""
        super().__init__("postgres", home, credentials)
        self._passwords = {one.name: credentials.database(one) for one in processes if one.store == "postgres"}

    @property
    def urls(self) -> dict[str, str]:
        """The URL of each process's database, with its owner's credentials."""
        return {name: self._url(name, password) for name, password in self._passwords.items()}

    def _url(self, role: str, password: str) -> str:
        return f"postgresql://{role}:{password}@127.0.0.1:{self.port}/{role}?sslmode=disable"  # the wheel has no TLS

    async def prepare(self) -> None:
        """Create the data folder with roles and databases in a temporary place, and move it when it is complete."""
        if self.data.exists():
            # Its writer held the home's lock, which is ours now. The process id in it may be another process's today,
            # and PostgreSQL would refuse to start.
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            await self._add_missing()
            return
        draft = self.home.path / "postgres.new"
        password = self.home.path / "postgres.password"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        try:
            write_private(password, self.credentials.postgres_superuser)
            await self._run(draft, "initdb", f"--pwfile={password}", *_INITDB)
        finally:
            password.unlink(missing_ok=True)
        await self._execute(draft, [*_CLOSED, *_statements(self._passwords, frozenset(), frozenset())])
        write_private(self._made, "\n".join(self._passwords))
        draft.rename(self.data)

    @property
    def _made(self) -> Path:
        """The file that lists the databases that exist, so that a start need not ask."""
        return self.home.path / "postgres.databases"

    async def _add_missing(self) -> None:
        """Create the databases of processes that were added since the data was created."""
        known = self._made.read_text().split() if self._made.exists() else []
        if self._passwords.keys() <= set(known):
            return
        await self._execute(self.data, ["SELECT datname AS database FROM pg_database", "SELECT rolname FROM pg_roles"])
        said = self.child.said()
        databases, roles = (frozenset(re.findall(rf'\b{of} = "(\w+)"', said)) for of in ("database", "rolname"))
        if statements := _statements(self._passwords, databases, roles):
            await self._execute(self.data, statements)
        write_private(self._made, "\n".join(sorted({*known, *self._passwords})))

    async def _execute(self, data: Path, statements: Iterable[str]) -> None:
        """Run SQL in single-user mode: it needs no network, so nothing can connect before access is restricted."""
        file = self.home.path / "postgres.sql"
        try:
            write_private(
                file, "".join(f"{statement}\n" for statement in statements)
            )  # this mode reads one statement per line
            await self._run(data, "postgres", "--single", "-c", "exit_on_error=on", "postgres", stdin=file)
        finally:
            file.unlink(missing_ok=True)

    async def _run(self, data: Path, program: str, *arguments: str, stdin: Path = Path(os.devnull)) -> None:
        first, *others = arguments  # `--single` must come first
        await self.child.spawn(self._command(data, program, first, "-D", str(data), *others, stdin=stdin))
        if await self.child.wait() != 0:
            raise DevstackError(f"cannot create PostgreSQL's data in {data}{self.last_words()}")

    def command(self) -> Command:
        """The command that runs PostgreSQL on the data folder."""
        settings = {**_SETTINGS, "port": str(self.port)}
        flags = (part for name, value in settings.items() for part in ("-c", f"{name}={value}"))
        return self._command(self.data, "postgres", "-D", str(self.data), *flags)

    def _command(self, data: Path, program: str, *arguments: str, stdin: Path = Path(os.devnull)) -> Command:
        fast_shutdown = signal.SIGINT  # SIGTERM would wait until clients disconnect
        return Command(
            argv=(*unprivileged(data, fast_shutdown), str(binaries.postgres_folder() / program), *arguments),
            env={"PATH": search_path(), "LC_ALL": "C", "TZ": "UTC"},
            stdin=stdin,
            stop_signal=fast_shutdown,
            orphan_signal=fast_shutdown,
        )

    async def serving(self) -> None:
        """Wait until postmaster.pid says that the server is ready."""
        await until(self._says_ready)

    def _says_ready(self) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:  # not written yet, or being replaced
            return False
        return len(lines) > _STATUS_LINE and lines[0] == str(self.child.pid) and lines[_STATUS_LINE].strip() == "ready"


def _statements(passwords: Mapping[str, str], databases: frozenset[str], roles: frozenset[str]) -> list[str]:
    """The SQL that creates each missing database and its owner."""
    statements = []
    for name, password in passwords.items():
        if name in databases:
            continue
        what = "ALTER" if name in roles else "CREATE"
        statements += [
            f"{what} ROLE {name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT PASSWORD '{password}'",
            f"CREATE DATABASE {name} OWNER {name}",
            # By default everyone may connect. The owner keeps all rights.
            f"REVOKE ALL ON DATABASE {name} FROM PUBLIC",
        ]
    return statements
