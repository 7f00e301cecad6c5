from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from devstack.home.home import open_home
from devstack.processes.child import Command
from devstack.processes.program import Program
from devstack.processes.supervision import Supervisor
from tests.support.waiting import Eventually

SPEAK_AND_WAIT = "import signal; print('here', flush=True); signal.pause()"
GIVE_UP = """print('{"event": "stopped", "why": "no connection to PostgreSQL"}', flush=True); raise SystemExit(1)"""


class Speaker(Program):
    """A process that serves from its first word on."""

    does = SPEAK_AND_WAIT

    async def spawn(self) -> None:
        await self.child.spawn(Command((sys.executable, "-S", "-c", self.does), dict(os.environ)))

    async def serving(self) -> None:
        while "here" not in self.child.said():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def supervised(
    folder: Path, healthy_after: float, told: list[str], does: str = SPEAK_AND_WAIT
) -> AsyncIterator[Supervisor]:
    home = await open_home(folder)
    speaker = Speaker("speaker", home)
    speaker.does = does
    supervisor = Supervisor(
        speaker, lambda _, state, detail: told.append(f"{state}: {detail}"), healthy_after=healthy_after
    )
    running = asyncio.create_task(supervisor.run())
    try:
        yield supervisor
    finally:
        running.cancel()
        await asyncio.wait({running})
        await speaker.child.kill()
        home.close()


@pytest.mark.parametrize(("healthy_after", "delays"), [(60.0, ["0.2", "0.4"]), (0.0, ["0.2", "0.2"])])
async def test_a_crash_after_good_service_counts_as_the_first_again(
    tmp_path: Path, healthy_after: float, delays: list[str]
) -> None:
    told: list[str] = []
    async with supervised(tmp_path, healthy_after, told) as supervisor:
        for _ in delays:
            await supervisor.serves.wait()
            await supervisor.kill()
        await supervisor.serves.wait()
    assert [f"restarting: was ended by SIGKILL; again in {delay} s" for delay in delays] == [
        line for line in told if line.startswith("restarting")
    ]


@pytest.mark.parametrize("first", ["print('here', flush=True); ", ""])
async def test_what_ends_by_itself_is_told_with_the_reason_that_it_gave(
    tmp_path: Path, eventually: Eventually, first: str
) -> None:
    told: list[str] = []
    async with supervised(tmp_path, 60.0, told, does=first + GIVE_UP):
        await eventually(lambda: any(line.startswith("restarting") for line in told))
    assert "restarting: ended with exit code 1: no connection to PostgreSQL; again in 0.2 s" in told
