"""The processes that a part of the benchmark starts by itself, and the processor time that a process has used."""

import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel


def cpu_time(process: int) -> float:
    """Seconds of processor time that the process has used so far."""
    return time.clock_gettime(~process << 3 | 2)  # clock_getcpuclockid(3)


@contextmanager
def nats_server(*options: str) -> Iterator[tuple[str, int]]:
    """A NATS server on a free port, with these further options: its URL and its process."""
    program = shutil.which("nats-server", path=str(Path(sys.executable).parent))
    if program is None:
        raise RuntimeError("nats-server is not in the environment: run `make install`")
    with tempfile.TemporaryDirectory() as folder:
        command = [
            program,
            "-a",
            "127.0.0.1",
            "-p",
            "-1",
            "--ports_file_dir",
            folder,
            *("-l", str(Path(folder) / "log"), *options),
        ]
        server = subprocess.Popen(command)  # noqa: S603  # our own command
        try:
            ports = Path(folder) / f"nats-server_{server.pid}.ports"
            while not (ports.exists() and (text := ports.read_text())):
                time.sleep(0.01)
            yield str(_Ports.model_validate_json(text).nats[0]), server.pid
        finally:
            server.terminate()
            server.wait()


class _Ports(BaseModel):
    """The ports that nats-server reports."""

    nats: list[str]


@contextmanager
def process(target: Callable[[str], None], url: str) -> Iterator[int]:
    """A process that runs `target(url)`; its id."""
    process = multiprocessing.get_context("spawn").Process(target=target, args=(url,), daemon=True)
    process.start()
    try:
        yield process.pid or 0
    finally:
        process.terminate()
        process.join()


@contextmanager
def script(path: Path, **environment: str) -> Iterator[int]:
    """A process that runs the file with this interpreter; its id."""
    running = subprocess.Popen([sys.executable, path], env={**os.environ, **environment})  # noqa: S603  # our own file
    try:
        yield running.pid
    finally:
        running.terminate()
        running.wait()
