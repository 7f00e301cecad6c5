"""Processes of this project's programs, as forks of one that has imported them: a seventh of the CPU of a start."""

import asyncio
import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Literal, Self

from devstack.processes.child import end_with_launcher
from tests.support.paths import ROOT

_SERVE = "from tests.support.servers.fork_server import run; run()"  # with -m, usage messages would name the module

Program = Literal["mesh", "services"]
"""The `mesh` command, or all services. The first use in a process of the tests imports it."""


class Fork:
    """One process: as much of `asyncio.subprocess.Process` as tests use."""

    def __init__(self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.pid = pid
        self.returncode: int | None = None
        """The exit code, negative for a signal; None while the process runs."""
        self._reader = reader
        self._writer = writer
        self._ended = asyncio.create_task(self._end())

    @classmethod
    async def start(
        cls,
        program: Program,
        arguments: Sequence[str],
        streams: Sequence[Path | None],
        folder: Path,
        environment: Mapping[str, str],
    ) -> Self:
        """Start the program. `arguments` are its `sys.argv`. It appends to the files of its streams; None is closed."""
        paths = [path and str(path) for path in streams]
        request = {"arguments": arguments, "streams": paths, "folder": str(folder), "environment": dict(environment)}
        reader, writer = await asyncio.open_unix_connection(_server(program))
        writer.write(json.dumps(request).encode() + b"\n")
        return cls(int(await reader.readline()), reader, writer)

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def wait(self) -> int:
        """Wait for the exit code."""
        return await asyncio.shield(self._ended)

    async def _end(self) -> int:
        try:
            self.returncode = int(await self._reader.readline())
        finally:
            self._writer.close()
        return self.returncode


@cache
def _server(program: Program) -> str:
    """Start the server that this process of the tests uses for the program, once. Return its address."""
    folder = tempfile.TemporaryDirectory()
    address = f"{folder.name}/{program}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(100)
        server = subprocess.Popen(
            [sys.executable, "-c", _SERVE, program, str(listener.fileno())],
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin"},
            pass_fds=[listener.fileno()],
            stdin=subprocess.DEVNULL,
            preexec_fn=end_with_launcher(signal.SIGKILL),  # noqa: PLW1509  # it neither allocates nor locks
        )
    atexit.register(_end, server, folder)
    return address


def _end(server: subprocess.Popen[bytes], folder: tempfile.TemporaryDirectory[str]) -> None:
    server.kill()
    server.wait()
    folder.cleanup()
