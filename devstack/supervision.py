"""How a stack stays up: what crashes is started again, at first at once and then ever more slowly."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from devstack.errors import DevstackError
from devstack.program import how_it_ended

if TYPE_CHECKING:
    from devstack.program import Program
    from devstack.progress import OnProgress

_FIRST_DELAY = 0.2
_LONGEST_DELAY = 10.0
_HEALTHY_AFTER = 30.0  # seconds of life, after which a crash counts as the first again
_TRIES_AT_FIRST = 3


async def supervise(program: Program, on_progress: OnProgress, first_ready: asyncio.Event) -> None:
    """Keep a program running until cancelled; one that does not run yet is started.

    `first_ready` is set once it serves. Until then crashes are counted, for what never worked will not begin to.

    Raises:
        DevstackError: it crashed three times before it ever served.

    """
    crashes = 0
    while True:
        began = time.monotonic()
        try:
            if program.child.pid is None:
                await program.spawn()
                on_progress(program.name, "starting", f"process {program.child.pid}")
                await program.settle()
                on_progress(program.name, "ready", f"process {program.child.pid}")
            first_ready.set()
            reason = how_it_ended(await program.child.wait())
        except DevstackError as error:
            reason = str(error).removeprefix(f"{program.name} ")
        if time.monotonic() - began > _HEALTHY_AFTER:
            crashes = 0
        crashes += 1
        if not first_ready.is_set() and crashes >= _TRIES_AT_FIRST:
            on_progress(program.name, "failed", reason)
            raise DevstackError(f"{program.name} {reason}")
        delay = delay_after(crashes)
        on_progress(program.name, "restarting", f"{reason.splitlines()[0]}; again in {delay:g} s")
        await asyncio.sleep(delay)


def delay_after(crashes: int) -> float:
    """Return how many seconds to wait after so many crashes in a row: 0.2, 0.4, 0.8 and so on, never more than 10."""
    return min(_FIRST_DELAY * 2.0 ** min(crashes - 1, 30), _LONGEST_DELAY)
