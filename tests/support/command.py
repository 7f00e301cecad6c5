"""The `mesh` command in a process of its own."""

import os
import shlex
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.paths import ROOT
from tests.support.servers.forks import Fork

MESH = str(Path(sys.executable).with_name("mesh"))
ALFKI = '{"customer_id": "ALFKI"}'


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
    told = {"PATH": "/usr/bin:/bin", **environment}
    files = (streams.stdin, streams.stdout, streams.stderr)
    return await (await Fork.start("mesh", ("mesh", *arguments), files, folder, told)).wait()
