"""The PostgreSQL server of the stack: two databases, each with an owner who can open no other."""

from __future__ import annotations

import os
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

if TYPE_CHECKING:
    from devstack.home.credentials import Credentials
    from devstack.home.home import Home

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
_STATUS_LINE = 7  # of postmaster.pid, where pg_ctl too looks for the word "ready"


class Postgres(Server):
    """One server for both databases; in production they may well be two."""

    def __init__(self, home: Home, credentials: Credentials) -> None:
        """See `Server`."""
        super().__init__("postgres", home, credentials)

    @property
    def customers_url(self) -> str:
        """The database `customers`, as its owner."""
        return self._url("customers", self.credentials.postgres_customers)

    @property
    def products_url(self) -> str:
        """The database `products`, as its owner."""
        return self._url("products", self.credentials.postgres_products)

    def _url(self, role: str, password: str) -> str:
        return f"postgresql://{role}:{password}@127.0.0.1:{self.port}/{role}?sslmode=disable"  # the wheel has no TLS

    async def prepare(self) -> None:
        """Make the data folder with roles and databases beside its place, and move it there when it is whole."""
        if self.data.exists():
            # Whoever wrote this held the lock of the home, which is ours now. The number in it may be another
            # process's since, and PostgreSQL would then refuse to start.
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            return
        draft = self.home.path / "postgres.new"
        password, schema = self.home.path / "postgres.password", self.home.path / "postgres.sql"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        try:
            write_private(password, self.credentials.postgres_superuser)
            write_private(schema, _schema(self.credentials))
            await self._run(draft, "initdb", f"--pwfile={password}", *_INITDB)
            # Single-user mode needs neither network nor password: the server first listens when every door is shut.
            await self._run(draft, "postgres", "--single", "-c", "exit_on_error=on", "postgres", stdin=schema)
        finally:
            password.unlink(missing_ok=True)
            schema.unlink(missing_ok=True)
        draft.rename(self.data)

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


def _schema(credentials: Credentials) -> str:
    """Write SQL in the form of single-user mode: one statement a line."""
    statements = ["REVOKE ALL ON DATABASE postgres FROM PUBLIC", "REVOKE ALL ON DATABASE template1 FROM PUBLIC"]
    for role, password in (
        ("customers", credentials.postgres_customers),
        ("products", credentials.postgres_products),
    ):
        statements += [
            f"CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT PASSWORD '{password}'",
            f"CREATE DATABASE {role} OWNER {role}",
            # Otherwise everyone may connect to it. The owner keeps his rights.
            f"REVOKE ALL ON DATABASE {role} FROM PUBLIC",
        ]
    return "\n".join(statements) + "\n"
