"""The PostgreSQL server of the stack: a database for each service that wants one, whose owner can open no other."""

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
    "unix_socket_directories": "",  # a socket's path may have 107 bytes, and a home can lie deeper
    "max_connections": "200",
    "shared_buffers": "64MB",
    "fsync": "on",
}
_CLOSED = ("REVOKE ALL ON DATABASE postgres FROM PUBLIC", "REVOKE ALL ON DATABASE template1 FROM PUBLIC")
_STATUS_LINE = 7  # of postmaster.pid, where pg_ctl too looks for the word "ready"


class Postgres(Server):
    """One server for all databases; in production each may have its own."""

    def __init__(self, home: Home, credentials: Credentials, processes: Iterable[Process] = PROCESSES) -> None:
        """See `Server`; it has a database for each of the processes that keep their data in PostgreSQL."""
        super().__init__("postgres", home, credentials)
        self._passwords = {one.name: credentials.database(one) for one in processes if one.store == "postgres"}

    @property
    def urls(self) -> dict[str, str]:
        """The database of each process by its name, as its owner."""
        return {name: self._url(name, password) for name, password in self._passwords.items()}

    def _url(self, role: str, password: str) -> str:
        return f"postgresql://{role}:{password}@127.0.0.1:{self.port}/{role}?sslmode=disable"  # the wheel has no TLS

    async def prepare(self) -> None:
        """Make the data folder with roles and databases beside its place, and move it there when it is whole."""
        if self.data.exists():
            # Whoever wrote this held the lock of the home, which is ours now. The number in it may be another
            # process's since, and PostgreSQL would then refuse to start.
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
        """The file that names the databases which have been made: a start on data that is there reads it alone."""
        return self.home.path / "postgres.databases"

    async def _add_missing(self) -> None:
        """Make the databases of processes that are newer than the data."""
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
        """Run SQL in single-user mode, which needs no network and no password: no door is open before all are shut."""
        file = self.home.path / "postgres.sql"
        try:
            write_private(file, "".join(f"{statement}\n" for statement in statements))  # one a line, in this mode
            await self._run(data, "postgres", "--single", "-c", "exit_on_error=on", "postgres", stdin=file)
        finally:
            file.unlink(missing_ok=True)

    async def _run(self, data: Path, program: str, *arguments: str, stdin: Path = Path(os.devnull)) -> None:
        first, *others = arguments  # `--single` works in the first place only
        await self.child.spawn(self._command(data, program, first, "-D", str(data), *others, stdin=stdin))
        if await self.child.wait() != 0:
            raise DevstackError(f"cannot create PostgreSQL's data in {data}{self.last_words()}")

    def command(self) -> Command:
        """Run on what is in `prepare`'s folder."""
        settings = {**_SETTINGS, "port": str(self.port)}
        flags = (part for name, value in settings.items() for part in ("-c", f"{name}={value}"))
        return self._command(self.data, "postgres", "-D", str(self.data), *flags)

    def _command(self, data: Path, program: str, *arguments: str, stdin: Path = Path(os.devnull)) -> Command:
        fast_shutdown = signal.SIGINT  # SIGTERM would wait for clients to leave by themselves
        return Command(
            argv=(*unprivileged(data, fast_shutdown), str(binaries.postgres_folder() / program), *arguments),
            env={"PATH": search_path(), "LC_ALL": "C", "TZ": "UTC"},
            stdin=stdin,
            stop_signal=fast_shutdown,
            orphan_signal=fast_shutdown,
        )

    async def serving(self) -> None:
        """Wait for the server's own word in postmaster.pid."""
        await until(self._says_ready)

    def _says_ready(self) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:  # not there yet, or what a killed server left is just being replaced
            return False
        return len(lines) > _STATUS_LINE and lines[0] == str(self.child.pid) and lines[_STATUS_LINE].strip() == "ready"


def _statements(passwords: Mapping[str, str], databases: frozenset[str], roles: frozenset[str]) -> list[str]:
    """Write the SQL that makes each database that is not there, and its owner."""
    statements = []
    for name, password in passwords.items():
        if name in databases:
            continue
        what = "ALTER" if name in roles else "CREATE"
        statements += [
            f"{what} ROLE {name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT PASSWORD '{password}'",
            f"CREATE DATABASE {name} OWNER {name}",
            # Otherwise everyone may connect to it. The owner keeps his rights.
            f"REVOKE ALL ON DATABASE {name} FROM PUBLIC",
        ]
    return statements
