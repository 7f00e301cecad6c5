"""Reports what a start is waiting for, every few seconds and at the end."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from devstack.errors import DevstackError
from devstack.processes.program import reason_in
from devstack.stack.readiness import readiness

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from devstack.processes.program import Program
    from devstack.processes.progress import OnProgress, State
    from devstack.processes.supervision import Supervisor

REPORT_EVERY = 3.0
_READY_WITHIN = 90.0
_ASIDE = "collector_disturbed"
"""The event of a process that cannot send its logs yet. No start waits for the collector."""


class Waiting:
    """Tracks the state of each process, and reports those that do not serve yet."""

    def __init__(self, report: OnProgress, address: Callable[[], tuple[str, int] | None]) -> None:
        """`address` is the first gateway's, whose `/readyz` says what is missing; None if it is not started here."""
        self._report = report
        self._address = address
        self._states: dict[str, tuple[State, str]] = {}
        self._since = time.monotonic()

    def record(self, name: str, state: State, detail: str) -> None:
        """Record the state of a process."""
        self._states[name] = (state, detail)

    async def run(self, programs: Mapping[str, Program], every: float = REPORT_EVERY) -> None:
        """Report until cancelled."""
        while True:
            await asyncio.sleep(every)
            for name, (state, detail) in list(self._states.items()):
                if state in {"starting", "restarting"}:
                    late = f"not ready after {time.monotonic() - self._since:.0f} s{await self.why(programs[name])}"
                    if self._states[name] == (state, detail):  # unless it became ready meanwhile
                        self._report(name, state, f"{detail}; {late}" if detail else late)

    async def why(self, program: Program) -> str:
        """Why a process does not serve, as far as it or the gateway says; starts with a colon."""
        address = self._address() if program.name.partition("-")[0] == "gateway" else None
        said = await readiness(*address) if address else None
        reason = said.reason if said else None
        if reason:
            return f": /readyz says: {reason}"
        lines = [line for line in program.child.said().splitlines() if _ASIDE not in line]
        last = reason_in("".join(lines[-1:]))[:400]
        return f": {last}" if last else ""

    async def until_all_serve(self, supervisors: Sequence[Supervisor], tasks: Sequence[asyncio.Task[None]]) -> None:
        """Wait until all serve.

        Raises:
            DevstackError: one is late; or what a task raises that ends meanwhile.

        """
        all_serve = asyncio.create_task(all_set([supervisor.serves for supervisor in supervisors]))
        try:
            done, _ = await asyncio.wait(
                {all_serve, *tasks}, timeout=_READY_WITHIN, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            all_serve.cancel()
        for task in done:
            task.result()  # raises: a supervisor ends only with an error
        if not done:
            late = [supervisor.program for supervisor in supervisors if not supervisor.serves.is_set()]
            names = ", ".join([f"{one.name}{await self.why(one)}" for one in late])
            last_words = "".join(one.last_words() for one in late)
            raise DevstackError(f"not ready after {_READY_WITHIN:g} s: {names}{last_words}")


async def all_set(events: Sequence[asyncio.Event]) -> None:
    """Wait until all are set."""
    for event in events:
        await event.wait()
