"""Load on an HTTP server: wrk to saturate it, h2load for a fixed rate. bench/README.md gives the reasons."""

import asyncio
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.errors import BenchError
from bench.latency import Answer, percentile, since_due

CONNECTIONS = 64
"""Connections of a saturating run."""
CLIENTS = 16
"""Clients of a paced run. Each has one connection and an equal share of the rate."""

_TOOLS = {"wrk": "wrk", "h2load": "nghttp2-client"}  # by Debian's package
_SCRIPT = Path(__file__).with_name("load.lua")
_OK = range(200, 400)


@dataclass(frozen=True)
class Target:
    """The requests to the server at `url`: paths by turns, with headers.

    `tokens` is a file of access tokens, `bodies` one of JSON bodies to post, one per line, also used by turns. Both are
    for saturating runs only.
    """

    url: str
    paths: Sequence[str]
    headers: Mapping[str, str] = field(default_factory=dict)
    tokens: Path | None = None
    bodies: Path | None = None

    @property
    def options(self) -> list[str]:
        """The headers as wrk and h2load both take them."""
        return [part for name, value in self.headers.items() for part in ("-H", f"{name}: {value}")]

    def urls(self, first: int) -> list[str]:
        """Each path once, starting at `first`, so that clients do not send the same requests."""
        start = first * len(self.paths) // CLIENTS
        return [self.url + path for path in (*self.paths[start:], *self.paths[:start])]


@dataclass(frozen=True)
class Load:
    """The result of a run; p50 and p99 are in milliseconds."""

    requests: int
    failures: int
    seconds: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.requests / self.seconds


def check_tools() -> None:
    """Raise BenchError if a load tool is missing."""
    missing = [package for tool, package in _TOOLS.items() if shutil.which(tool) is None]
    if missing:
        raise BenchError(f"the load comes from wrk and h2load: apt-get install {' '.join(missing)}")


async def saturate(*targets: Target, seconds: float, connections: int = CONNECTIONS) -> Load:
    """Send requests as fast as answers come, on `connections` to each target. p50 and p99 are those of the first."""
    loads = await asyncio.gather(*(_wrk(target, seconds, connections) for target in targets))
    return Load(
        requests=sum(load.requests for load in loads),
        failures=sum(load.failures for load in loads),
        seconds=max(load.seconds for load in loads),
        p50=loads[0].p50,
        p99=loads[0].p99,
    )


async def pace(target: Target, *, rate: float, seconds: float) -> Load:
    """Send `rate` requests a second, whether or not answers come.

    Sixteen clients start one after the other: those of a single h2load would all send at the same instant. A request
    that waits for the previous answer counts from when it was due (no coordinated omission).
    """
    with TemporaryDirectory() as folder:
        logs = [Path(folder) / str(number) for number in range(CLIENTS)]
        clients = []
        for number, log in enumerate(logs):
            urls = log.with_suffix(".urls")
            urls.write_text("\n".join(target.urls(number)))
            clients.append(asyncio.create_task(_h2load(target, urls, rate / CLIENTS, seconds, log)))
            await asyncio.sleep(1 / rate)
        await asyncio.gather(*clients)
        answers = [_read(log) for log in logs]
    times = sorted(time for each in answers for time in since_due(each, CLIENTS / rate))
    statuses = [answer.status for each in answers for answer in each]
    return Load(
        requests=len(statuses),
        failures=sum(status not in _OK for status in statuses),
        seconds=seconds,
        p50=percentile(times, 50) * 1e3,
        p99=percentile(times, 99) * 1e3,
    )


async def _wrk(target: Target, seconds: float, connections: int) -> Load:
    with TemporaryDirectory() as folder:
        paths = Path(folder) / "paths"
        paths.write_text("\n".join(target.paths))
        files = {"paths": paths, "tokens": target.tokens, "bodies": target.bodies}
        said = await _run(
            *("wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "-s", str(_SCRIPT), *target.options, target.url),
            *("--", *(f"{name}={path}" for name, path in files.items() if path is not None)),
        )
    return Load(**json.loads(said.splitlines()[-1]))


async def _h2load(target: Target, urls: Path, rate: float, seconds: float, log: Path) -> None:
    await _run(
        *("h2load", "--h1", "-c1", "-t1", f"--duration={seconds:.0f}", f"--rps={rate:g}", f"--log-file={log}"),
        *(*target.options, f"--input-file={urls}"),
    )


async def _run(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    if process.returncode != 0:
        raise BenchError(f"{command[0]} failed: {said.decode(errors='replace')[-500:]}")
    return said.decode()


def _read(log: Path) -> Sequence[Answer]:
    lines = (line.split("\t") for line in log.read_text().splitlines())
    return [Answer(int(begun) / 1e6, int(status), int(lasted) / 1e6) for begun, status, lasted, *_ in lines]
