"""The MongoDB server of the stack. It is configured through a driver, since mongod's wheel has no shell.

It is a replica set of one member: MongoDB supports transactions in replica sets only.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from devstack.errors import DevstackError
from devstack.processes.child import Command
from devstack.processes.waiting import until
from devstack.servers import binaries
from devstack.servers.ports import is_free
from devstack.servers.server import Server
from ops.private_files import write_private
from services import PROCESSES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pymongo import AsyncMongoClient

    from devstack.home.credentials import Credentials
    from devstack.home.home import Home
    from ops.process import Process

_REPLICA_SET = "devstack"
_AUTHENTICATION_FAILED = 18
_NOT_YET_INITIALIZED = 94
_LISTENS = '"msg":"Waiting for connections"'
_IS_NO_MEMBER = '"msg":"This node is not a member of the config"'
_IS_PRIMARY = '"msg":"Transition to primary complete'
_FLAGS = (
    *("--bind_ip", "127.0.0.1", "--nounixsocket", "--quiet"),
    *("--replSet", _REPLICA_SET, "--oplogSize", "64"),
    # zlib has CVE-2025-14847, exploitable before login. Compression is useless on one machine anyway.
    *("--networkMessageCompressors", "disabled"),
    # A log line of a slow operation contains its values, and auth's are password hashes.
    *("--slowOpSampleRate", "0"),
    # These three keep a new data folder at 17 MB; with mongod's defaults it has 300 MB.
    *("--wiredTigerCacheSizeGB", "0.25"),
    *("--wiredTigerEngineConfigString", "log=(file_max=16MB,prealloc=false)"),
    *("--setParameter", "diagnosticDataCollectionEnabled=false"),
)


class _LogLine(BaseModel):
    """A line of mongod's log."""

    s: str
    msg: str
    attr: dict[str, Any] = {}


class Mongo(Server):
    """mongod with access control: an administrator, and for each service a user with access to one database."""

    def __init__(self, home: Home, credentials: Credentials, processes: Iterable[Process] = PROCESSES) -> None:
        """See `Server`. It reuses the port of the last start if that is free: its replica set stores the port."""
        super().__init__("mongo", home, credentials)
        self._passwords = {one.name: credentials.database(one) for one in processes if one.store == "mongo"}
        known = self._known_port
        if known is not None and is_free(known):
            self.ports = (known,)

    @property
    def urls(self) -> dict[str, str]:
        """The URL of each process's database, with credentials of the user of that name."""
        return {
            name: f"mongodb://{name}:{password}@127.0.0.1:{self.port}/{name}"
            f"?authSource={name}&replicaSet={_REPLICA_SET}"
            for name, password in self._passwords.items()
        }

    @property
    def _made(self) -> Path:
        """The file that lists the users that exist."""
        return self.data / "users"

    @property
    def _knows_all(self) -> bool:
        made = self._made.read_text().split() if self._made.exists() else []
        return self._passwords.keys() <= set(made)

    @property
    def _complete(self) -> Path:
        """The file that exists once the first start has completed; it contains the port of the last start."""
        return self.data / "complete"

    @property
    def _known_port(self) -> int | None:
        """The port in the configuration of its replica set."""
        text = self._complete.read_text() if self._complete.exists() else ""
        return int(text) if text.isdecimal() else None

    async def prepare(self) -> None:
        """Create the key file that a replica set with access control requires.

        mongod cannot read its files if it was stopped while it created them. Such incomplete data is deleted: no
        service has written to it yet.
        """
        if not self._complete.exists():
            shutil.rmtree(self.data, ignore_errors=True)
        await super().prepare()
        write_private(self.data / "replica-set.key", self.credentials.mongo_replica_set_key)

    def command(self) -> Command:
        """The command that runs mongod on the home's data."""
        paths = ("--dbpath", str(self.data), "--auth", "--keyFile", str(self.data / "replica-set.key"))
        return Command(
            argv=(str(binaries.mongod()), *paths, "--port", str(self.port), *_FLAGS),
            env={"PATH": os.defpath, "LC_ALL": "C", "HOME": str(self.data)},
            orphan_signal=signal.SIGTERM,
        )

    async def start(self) -> None:
        """Start as every server does. If a library is missing, the error says how to install it."""
        try:
            await super().start()
        except DevstackError as error:
            if "libcurl.so.4: cannot open" not in str(error):
                raise
            raise DevstackError(
                "mongod needs a library that this system lacks: `apt-get install libcurl4`, or set AUTH_MONGODB_URL"
            ) from error

    async def serving(self) -> None:
        """Wait until the server listens, then configure its address and users if needed.

        If it is already configured, its log is enough, and no driver is loaded.
        """
        if self._known_port == self.port and self._knows_all:
            await until(lambda: any(word in self.child.said() for word in (_IS_PRIMARY, _IS_NO_MEMBER)))
            if _IS_PRIMARY in self.child.said():
                return
        from pymongo.errors import OperationFailure, PyMongoError  # noqa: PLC0415  0.2 s, while mongod starts

        await until(lambda: _LISTENS in self.child.said())
        try:
            try:
                await self._configure()
            except OperationFailure as error:
                if error.code != _AUTHENTICATION_FAILED:
                    raise
                await self._make_administrator()
                await self._configure()
            self._made.write_text("\n".join(self._passwords))
            self._complete.write_text(str(self.port))
        except PyMongoError as error:
            raise DevstackError(f"cannot set up MongoDB in {self.data}: {error}") from error

    def readable(self, log: str) -> str:
        """The errors in mongod's JSON, and lines that are not JSON."""
        return "\n".join(line for line in map(_error, log.splitlines()) if line)

    async def _make_administrator(self) -> None:
        """Create the administrator. A server without users allows that from the same machine."""
        async with self._client() as anyone:
            await anyone.admin.command("replSetInitiate", self._replica_set(version=1))
            await _primary(anyone)
            roles = ["root"]
            await anyone.admin.command("createUser", "admin", pwd=self.credentials.mongo_admin, roles=roles)

    async def _configure(self) -> None:
        async with self._client(username="admin", password=self.credentials.mongo_admin) as admin:
            config = await _replica_set_config(admin)
            if config["members"][0]["host"] != f"127.0.0.1:{self.port}":
                # The port has changed since the last start, and a member outside its set serves nobody.
                moved = self._replica_set(version=config["version"] + 1)
                await admin.admin.command("replSetReconfig", moved, force=True)
            await _primary(admin)
            for name, password in self._passwords.items():
                if not (await admin[name].command("usersInfo", name))["users"]:
                    roles = [{"role": "readWrite", "db": name}]
                    await admin[name].command("createUser", name, pwd=password, roles=roles)

    def _replica_set(self, version: int) -> dict[str, Any]:
        return {"_id": _REPLICA_SET, "version": version, "members": [{"_id": 0, "host": f"127.0.0.1:{self.port}"}]}

    def _client(self, username: str | None = None, password: str | None = None) -> AsyncMongoClient[dict[str, Any]]:
        from pymongo import AsyncMongoClient  # noqa: PLC0415  as above

        return AsyncMongoClient(
            "127.0.0.1",
            self.port,
            username=username,
            password=password,
            directConnection=True,  # discovery fails until the set has its address
            serverSelectionTimeoutMS=10_000,
        )


async def _replica_set_config(client: AsyncMongoClient[dict[str, Any]]) -> dict[str, Any]:
    """The configuration of the set. The server accepts connections a little before it has read it."""
    from pymongo.errors import OperationFailure  # noqa: PLC0415  as above

    while True:
        try:
            config: dict[str, Any] = (await client.admin.command("replSetGetConfig"))["config"]
        except OperationFailure as error:
            if error.code != _NOT_YET_INITIALIZED:
                raise
            await asyncio.sleep(0.01)
        else:
            return config


async def _primary(client: AsyncMongoClient[dict[str, Any]]) -> None:
    """Wait until the only member has elected itself, which takes some 10 ms."""
    while not (await client.admin.command("hello"))["isWritablePrimary"]:  # noqa: ASYNC110  it tells when asked only
        await asyncio.sleep(0.01)


def _error(line: str) -> str:
    try:
        entry = _LogLine.model_validate_json(line)
    except ValidationError:
        return line
    return f"{entry.msg} {json.dumps(entry.attr)}" if entry.s in {"E", "F"} else ""
