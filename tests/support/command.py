"""The `mesh` command in a process of its own. A fork of a process that has imported it takes a seventh of the CPU."""

import asyncio
import atexit
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from devstack.processes.child import end_with_launcher
from tests.support.paths import ROOT

MESH = str(Path(sys.executable).with_name("mesh"))
ALFKI = '{"customer_id": "ALFKI"}'
_SERVE = "from tests.support.servers.fork_server import run; run()"  # with -m, usage messages would name the module


class Ended:
    """What a command left behind."""

    def __init__(self, code: int, out: bytes, err: bytes) -> None:
        self.code = code
        self.out = out.decode()
        self.err = err.decode()


@dataclass(frozen=True)
class Streams:
    """The files that a command reads and writes. `None` is a closed stream."""

    stdin: Path | None = Path(os.devnull)
    stdout: Path | None = Path(os.devnull)
    stderr: Path | None = Path(os.devnull)


def python(module: str, *arguments: object) -> str:
    """The shell command that runs a module of this environment."""
    return shlex.join([sys.executable, "-m", module, *map(str, arguments)])


async def mesh(*arguments: str, stdin: bytes = b"", **environment: str) -> Ended:
    """Run the command to its end; `environment` is all that it sees."""
    with tempfile.TemporaryDirectory() as name:
        read, out, err = (Path(name) / stream for stream in ("in", "out", "err"))
        read.write_bytes(stdin)
        code = await forked(arguments, Streams(read, out, err), ROOT, environment)
        return Ended(code, out.read_bytes(), err.read_bytes())


async def forked(arguments: tuple[str, ...], streams: Streams, folder: Path, environment: Mapping[str, str]) -> int:
    """Run the command with these streams in this folder. Return its exit status."""
    paths = [path and str(path) for path in (streams.stdin, streams.stdout, streams.stderr)]
    told = {"PATH": "/usr/bin:/bin", **environment}
    request = {"arguments": arguments, "streams": paths, "folder": str(folder), "environment": told}
    reader, writer = await asyncio.open_unix_connection(_fork_server())
    try:
        writer.write(json.dumps(request).encode() + b"\n")
        return int(await reader.readline())
    finally:
        writer.close()
        await writer.wait_closed()


@cache
def _fork_server() -> str:
    """Start the server that this process of the tests uses, once. Return its address."""
    folder = tempfile.TemporaryDirectory()
    address = f"{folder.name}/mesh"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(100)
        server = subprocess.Popen(
            [sys.executable, "-c", _SERVE, str(listener.fileno())],
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
