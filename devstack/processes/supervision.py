"""Restarts crashed processes: at once at first, then with growing pauses."""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING

from devstack.errors import DevstackError
from devstack.processes.program import how_it_ended

if TYPE_CHECKING:
    from devstack.processes.program import Program
    from devstack.processes.progress import OnProgress

_FIRST_DELAY = 0.2
_LONGEST_DELAY = 10.0
_HEALTHY_AFTER = 3.0  # seconds of service after which the count of crashes starts again
_TRIES_AT_FIRST = 3


class Supervisor:
    """Supervises one program. Requested restarts go through it, so that they do not count as crashes."""

    def __init__(self, program: Program, on_progress: OnProgress, healthy_after: float = _HEALTHY_AFTER) -> None:
        """Does not supervise yet: `run` does."""
        self.program = program
        self.serves = asyncio.Event()
        self._on_progress = on_progress
        self._has_served = False
        self._serves_since = math.inf
        self._healthy_after = healthy_after
        self._changing = asyncio.Lock()  # held during a start or restart

    async def run(self) -> None:
        """Keep the program running until cancelled. Starts it if it does not run.

        Crashes before it serves for the first time are counted: a program that never worked will not recover.

        Raises:
            DevstackError: it crashed three times before it served.

        """
        if self.program.child.pid is not None:
            self._now_serves()
        crashes = 0
        while True:
            try:
                reason = await self._until_it_ends()
            except DevstackError as error:
                reason = str(error).removeprefix(f"{self.program.name} ")
            async with self._changing:
                if self.program.child.pid is not None:  # it was restarted: not a crash
                    continue
                self.serves.clear()
            if time.monotonic() - self._serves_since > self._healthy_after:
                crashes = 0
            self._serves_since = math.inf
            crashes += 1
            if not self._has_served and crashes >= _TRIES_AT_FIRST:
                self._on_progress(self.program.name, "failed", reason)
                raise DevstackError(f"{self.program.name} {reason}")
            delay = delay_after(crashes)
            self._on_progress(self.program.name, "restarting", f"{reason.splitlines()[0]}; again in {delay:g} s")
            await asyncio.sleep(delay)

    async def kill(self) -> None:
        """Kill the process, as a crash would. `run` starts the next one."""
        await self.program.child.kill()
        self.serves.clear()

    async def restart(self) -> None:
        """Stop the process gracefully and start it again at once. On return it serves.

        Raises:
            DevstackError: the old process ended with an error, or the new one failed to start; `run` retries.

        """
        async with self._changing:
            ran = self.program.child.pid is not None
            self.serves.clear()
            self._on_progress(self.program.name, "restarting", "as requested")
            code = await self.program.restart()
            self._on_progress(self.program.name, "ready", f"process {self.program.child.pid}")
            self._now_serves()
        if ran and code != 0:
            raise DevstackError(f"{self.program.name} {how_it_ended(code)} when it was asked to stop")

    async def _until_it_ends(self) -> str:
        async with self._changing:
            if self.program.child.pid is None:
                await self.program.spawn()
                self._on_progress(self.program.name, "starting", f"process {self.program.child.pid}")
                await self.program.settle()
                self._on_progress(self.program.name, "ready", f"process {self.program.child.pid}")
                self._now_serves()
        return self.program.how_it_ended(await self.program.child.wait())

    def _now_serves(self) -> None:
        self.serves.set()
        self._serves_since = time.monotonic()
        self._has_served = True


def delay_after(crashes: int) -> float:
    """Seconds to wait after this many crashes in a row: 0.2, 0.4, 0.8 and so on, at most 10."""
    return min(_FIRST_DELAY * 2.0 ** min(crashes - 1, 30), _LONGEST_DELAY)
