"""The pool of products beside a mesh without them: workers in TypeScript and in Python, as a test asks for them."""

import asyncio
import itertools
import shlex
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from devstack.stack.stack import Stack
from mesh.client.discover import ask_all
from mesh.nats.transport import NatsTransport
from mesh.wire.discovery import InstanceDocument
from tests.support.polyglot import PRODUCTS_TS
from tests.support.servers.processes import Process

TYPESCRIPT: Final = "typescript"
PYTHON: Final = "python"
_COMMANDS: Final = {
    TYPESCRIPT: ("node", str(PRODUCTS_TS / "dist" / "main.js")),
    PYTHON: (sys.executable, "-m", "products_svc"),
}
_SERVES: Final = {TYPESCRIPT: "service_resumed", PYTHON: "service_started"}
_STARTS: Final = itertools.count()


class ProductsPool:
    """The workers of products that a test runs beside a stack without them."""

    def __init__(self, stack: Stack, poller: NatsTransport, folder: Path) -> None:
        """`poller` asks for discovery; logs are written to the folder."""
        lines = stack.state.environments["products"].read_text().splitlines()
        self.environment = dict(shlex.split(line)[0].split("=", 1) for line in lines)
        self._poller = poller
        self._folder = folder
        self._workers: dict[str, Process] = {}
        self.first_reason = ""
        """Why the worker in TypeScript was not ready before there were tables."""

    def process(self, kind: str, environment: Mapping[str, str] | None = None) -> Process:
        """A worker that nobody has started yet."""
        log = self._folder / f"{kind}-{next(_STARTS)}.log"
        return Process(log, *_COMMANDS[kind], LOG_FORMAT="json", **{**self.environment, **(environment or {})})

    async def serve(self, *kinds: str) -> None:
        """Have one worker of each kind serve, and no other."""
        for kind in [kind for kind in self._workers if kind not in kinds]:
            assert 0 == await self._workers.pop(kind).end(signal.SIGTERM)
        for kind in kinds:
            if kind not in self._workers:
                self._workers[kind] = self.process(kind)
                await self._workers[kind].start()
                await self._workers[kind].said(_SERVES[kind])  # Python says `ready` before all its subjects are served
        await self.until_ready(len(kinds))

    async def found_no_tables(self) -> None:
        """Start a worker in TypeScript on an empty database, then one in Python: both serve."""
        async with self.process(TYPESCRIPT):
            while not (found := await self.ask("PING")) or "does not answer" not in found[0].reason:
                await asyncio.sleep(0.05)
            self.first_reason = found[0].reason
            async with self.process(PYTHON):
                while [True, True] != [one.ready for one in await self.ask("PING", 2)]:
                    await asyncio.sleep(0.05)

    async def until_ready(self, count: int) -> None:
        """Wait until as many instances are ready, and none is unready."""
        while [True] * count != [one.ready for one in await self.ask("PING", count)]:
            assert all(worker.running for worker in self._workers.values())
            await asyncio.sleep(0.05)

    async def ask(self, verb: str, count: int = 1) -> list[InstanceDocument]:
        """What every instance answers to the verb of discovery; as soon as there are so many answers."""
        return await ask_all(self._poller, f"{verb}.products", 1.0, lambda found: len(found) >= count)

    async def end(self) -> None:
        """End all workers."""
        for worker in self._workers.values():
            await worker.end(signal.SIGKILL)
