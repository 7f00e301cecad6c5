"""The time of `mesh up` until everything answers."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

from bench.errors import BenchError
from bench.progress import show
from bench.reporting.results import Claim, Section, Table
from bench.reporting.rounds import spread
from devstack.home.state import read_stack

_WITHIN = 60.0


async def start(home: Path, *, rounds: int) -> Section:
    """Start once on a new folder, then repeatedly on its data."""
    cold = await _seconds(home)
    warm = []
    for turn in range(rounds):
        show(f"  round {turn + 1} of {rounds}")
        warm.append(await _seconds(home))
    return Section(
        name="start",
        title="Start of `mesh up`, until the gateway says that every service answers",
        tables=[
            Table(
                columns=["start", "seconds"],
                rows=[["on an empty folder", f"{cold:.2f}"], ["on existing data", str(spread(warm))]],
            )
        ],
        claims=[Claim(what="warm start of `mesh up`", bound=15.0, measured=spread(warm), unit=" s")],
        figures={"cold": cold, "warm": warm},
    )


async def _seconds(home: Path) -> float:
    begun = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli.main", "up", "--http-port", "0", "--home", str(home)),
        stdout=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    try:
        while read_stack(home) is None:
            if process.returncode is not None:
                raise BenchError("`mesh up` ended with an error")
            if time.monotonic() > begun + _WITHIN:
                raise BenchError(f"`mesh up` is not ready after {_WITHIN:g} s")
            await asyncio.sleep(0.01)
        return time.monotonic() - begun
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            await process.wait()
