"""How a process gets a smaller part of the cores than others do, where all of them are wanted at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

_TRIES = 5


async def give_way(pid: int, niceness: int) -> None:
    """Make a process that leads a session `niceness` steps nicer: with 10 it gets about a tenth of what others get.

    Linux shares the cores out among sessions first, and there its own niceness counts for nothing (sched(7), "The
    autogroup feature"); where it does not, or on another system, the process's own is what counts.
    """
    with contextlib.suppress(ProcessLookupError):
        os.setpriority(os.PRIO_PROCESS, pid, niceness)
    session = Path(f"/proc/{pid}/autogroup")
    for _ in range(_TRIES):
        try:
            session.write_text(str(niceness))  # noqa: ASYNC240  no file of a disk
        except BlockingIOError:  # a user may do so ten times a second
            await asyncio.sleep(0.1)
        except OSError:
            return
        else:
            return
