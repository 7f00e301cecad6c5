"""Processes of ours that a test starts by itself, to end them as it likes."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import psutil

from devstack.processes.child import end_with_launcher
from devstack.servers.all import Servers
from services import PROCESSES
from tests.support.long_form import LONG
from tests.support.paths import ROOT
from tests.support.servers.forks import Fork


class Process:
    """One process; its log is a file of JSON lines."""

    def __init__(self, log: Path, *argv: str, **environment: str) -> None:
        self.log = log
        self._argv = argv
        self._environment = environment
        self._process: asyncio.subprocess.Process | Fork | None = None
        self.began = 0.0
        """When it was started, by the monotonic clock."""

    async def start(self) -> None:
        await self.end(signal.SIGKILL)
        self.began = time.monotonic()
        own = ("NATS_", "TRACE_", "OTEL_", "MESH_", *(f"{row.prefix}_" for row in PROCESSES))
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        self._process = await self._begin({**inherited, **self._environment})

    async def _begin(self, environment: Mapping[str, str]) -> asyncio.subprocess.Process | Fork:
        with await asyncio.to_thread(self.log.open, "ab") as log:
            return await asyncio.create_subprocess_exec(
                *self._argv,
                env=environment,
                cwd=ROOT,
                stdout=log,
                stderr=log,
                preexec_fn=end_with_launcher(signal.SIGKILL),
            )

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.end(signal.SIGKILL)

    async def end(self, number: signal.Signals) -> int:
        """Send the signal, and wait for the exit code."""
        if self._process is None:
            return 0
        process, self._process = self._process, None
        if process.returncode is None:
            process.send_signal(number)
        return await process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send the signal, and wait for nothing."""
        assert self._process is not None
        self._process.send_signal(number)

    async def wait(self) -> int:
        """Wait for the exit code."""
        assert self._process is not None
        return await self._process.wait()

    @property
    def pid(self) -> int:
        """Its number."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process is not None and self._process.returncode is None

    async def said(self, event: str) -> dict[str, Any]:
        """Wait for a line of the log."""
        while True:
            ended = not self.running  # asked before the log is read, or its last words might be missed
            text = await asyncio.to_thread(self.log.read_text)
            lines: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
            found = [line for line in lines if line["event"] == event]
            if found:
                return found[-1]
            assert not ended, text
            await asyncio.sleep(0.02)


class _ForkedService(Process):
    """A service whose imports another process has done."""

    async def _begin(self, environment: Mapping[str, str]) -> Fork:
        await asyncio.to_thread(self.log.touch)  # `said` reads it at once
        files = (Path(os.devnull), self.log, self.log)
        return await Fork.start("services", self._argv, files, ROOT, environment)


def module(log: Path, name: str, **environment: str) -> Process:
    """A Python module as a process, with a start of its own."""
    return Process(log, sys.executable, "-m", name, **{"LOG_FORMAT": "json", **environment})


def service(log: Path, package: str, **environment: str) -> Process:
    """A service of this project. Its imports are done, except in the long form of the tests, which measures it."""
    if LONG:
        return module(log, package, **environment)
    return _ForkedService(log, package, **{"LOG_FORMAT": "json", **environment})


def products_on(servers: Servers, **environment: str) -> Process:
    """The products service on these servers, with its rows."""
    log = servers.home.logs / f"products-{time.monotonic_ns()}.log"
    database = {"PRODUCTS_DATABASE_URL": servers.urls["products"], "PRODUCTS_SEED": "true"}
    return service(log, "products_svc", **_nats(servers, "products"), **database, **environment)


def gateway_on(servers: Servers, **environment: str) -> Process:
    """A gateway on these servers, at a port that its log tells."""
    log = servers.home.logs / f"gateway-{time.monotonic_ns()}.log"
    return service(log, "gateway", **{**_nats(servers, "gateway"), "GATEWAY_PORT": "0", **environment})


def _nats(servers: Servers, user: str) -> dict[str, str]:
    return {"NATS_URL": servers.nats_url, "NATS_NKEY_SEED": servers.nats_seeds[user]}


def lives(process: psutil.Process) -> bool:
    """Whether a process does anything still."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
