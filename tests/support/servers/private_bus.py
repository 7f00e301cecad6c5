"""Runs `mesh conform` on a private bus: a NATS server, a database and workers in any language, which it can disturb."""

import base64
import json
import signal
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from devstack.servers.all import Servers
from mesh.client.discover import ask_all
from mesh.nats.transport import NatsTransport
from mesh.wire.discovery import InstanceDocument
from services import BY_NAME
from tests.support.command import MESH, python
from tests.support.paths import ROOT
from tests.support.polyglot import PRODUCTS_TS
from tests.support.servers.nats_server import NatsServer
from tests.support.servers.processes import Process
from tests.support.servers.rights import refusing
from tests.support.servers.schemas import fresh_schema

PYTHON: Final = "python"
GO: Final = "go"
TYPESCRIPT: Final = "typescript"
OTHER: Final[Mapping[str, str]] = {"customers": GO, "products": TYPESCRIPT}
"""The other language of each service that has two workers."""
NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "orders": ("customers", "products"),
    "carts": ("products", "orders"),
    "stock": ("products",),
}
"""The services that another one calls: their workers serve beside it."""
SETTINGS: Final[Mapping[str, Mapping[str, str]]] = {
    "auth": {"AUTH_KEY_ENCRYPTION_KEY": base64.b64encode(bytes(32)).decode(), "AUTH_ARGON2_MEMORY_KIB": "128"},
    "notifications": {
        "NOTIFICATIONS_WEBHOOK_ENCRYPTION_KEY": base64.b64encode(bytes(32)).decode(),
        "NOTIFICATIONS_SMTP_URL": "smtp://127.0.0.1:1",  # no mail can be sent
        "NOTIFICATIONS_FROM": "shop@northwind.example",
    },
}
"""What else the worker of a service needs."""


@dataclass(frozen=True)
class Bus:
    """A private bus with a database, and the workers of one service on it."""

    service: str
    nats: NatsServer
    servers: Servers
    finder: NatsTransport
    workers: Mapping[str, Process]
    ids: Mapping[str, str]
    """Of each language, the id of its instance."""

    async def conform(self, *arguments: str, junit: Path) -> dict[str, Any]:
        """The report of `mesh conform`, with all that can be tried here."""
        rights = python("tests.support.servers.rights", self.nats.configuration, self.nats.pid)
        stop = " && ".join(f"kill -TERM {worker.pid}" for worker in self.workers.values())
        everything = ["--rights-command", rights, "--stop-command", stop]
        if (store := BY_NAME[self.service].store) is not None:
            everything += ["--fault-command", python("tests.support.servers.freeze", self.servers.pid(store))]
        tokens = "--private" if self.service == "auth" else "--jwks-stand-in"
        command = (MESH, "conform", self.service, tokens, "--json", "--junit", str(junit), *everything)
        environment = {"PATH": "/usr/bin:/bin", "NATS_URL": self.nats.url}
        process = await create_subprocess_exec(
            *command, *arguments, cwd=ROOT, env=environment, stdout=PIPE, stderr=PIPE
        )
        out, err = await process.communicate()
        assert out, err.decode()
        report: dict[str, Any] = json.loads(out)
        assert (process.returncode == 1) == (report["failed"] > 0), err.decode()
        return report


@asynccontextmanager
async def private_bus(
    service: str, languages: Sequence[str], programs: Mapping[str, Path], servers: Servers, folder: Path
) -> AsyncIterator[Bus]:
    """A worker of the service in each of the languages. The one in Python makes the tables, wherever it serves."""
    nats = NatsServer(folder, refusing(folder))
    async with AsyncExitStack() as stack:
        await nats.start()
        stack.push_async_callback(nats.stop)
        finder = await nats.connect()
        stack.push_async_callback(finder.close)
        for needed in NEEDED.get(service, ()):
            environment = await _environment(needed, nats, servers, stack)
            log = folder / f"{needed}.log"
            await stack.enter_async_context(Process(log, sys.executable, "-m", f"{needed}_svc", **environment))
            await _new(finder, needed, set())
        environment = await _environment(service, nats, servers, stack)
        commands = {
            PYTHON: (sys.executable, "-m", f"{service}_svc"),
            TYPESCRIPT: ("node", str(PRODUCTS_TS / "dist" / "main.js")),
            **{language: (str(program),) for language, program in programs.items()},
        }
        workers, ids = dict[str, Process](), dict[str, str]()
        for language in [PYTHON, *(one for one in languages if one != PYTHON)]:
            worker = Process(folder / f"{service}-{language}.log", *commands[language], **environment)
            await stack.enter_async_context(worker)
            workers[language] = worker
            ids[language] = await _new(finder, service, set(ids.values()))
        if PYTHON not in languages:
            await workers.pop(PYTHON).end(signal.SIGTERM)
            del ids[PYTHON]
        yield Bus(service, nats, servers, finder, workers, ids)


async def _environment(service: str, nats: NatsServer, servers: Servers, stack: AsyncExitStack) -> dict[str, str]:
    """The environment of its worker. In PostgreSQL it has a schema of its own, which is dropped at the end."""
    common = {"NATS_URL": nats.url, "LOG_FORMAT": "json", **SETTINGS.get(service, {})}
    if BY_NAME[service].store is None:
        return common
    url = servers.urls[service]
    if BY_NAME[service].store == "mongo":
        return {**common, f"{service.upper()}_MONGODB_URL": url}
    fresh = await stack.enter_async_context(fresh_schema(url))
    database = _for_every_driver(fresh.get_secret_value())
    return {**common, f"{service.upper()}_DATABASE_URL": database, f"{service.upper()}_SEED": "true"}


def _for_every_driver(url: str) -> str:
    """The URL with its schema as an option of the server: node-postgres passes no other settings on."""
    return url.replace("search_path=", "options=-csearch_path%3D")


async def _new(finder: NatsTransport, service: str, known: set[str]) -> str:
    """The id of the instance that has become ready."""
    found: list[InstanceDocument] = []

    async def ready() -> bool:
        answers = await ask_all(finder, f"PING.{service}", 1.0, lambda all_: len(all_) > len(known))
        found[:] = [one for one in answers if one.ready and one.id not in known]
        return bool(found)

    while not await ready():
        pass
    return found[0].id
