"""Gives a process a smaller share of the CPU when cores are busy."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

_TRIES = 5


async def give_way(pid: int, niceness: int) -> None:
    """Lower the priority of a process that leads a session: niceness 10 gives it about a tenth of another's share.

    A process that is nicer already stays so.

    Linux divides CPU time among sessions first, and ignores a process's own niceness there (sched(7), "The autogroup
    feature"). Where that feature is off, and on other systems, the process's own niceness counts.
    """
    for thread in _threads(pid):
        with contextlib.suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, thread, max(niceness, os.getpriority(os.PRIO_PROCESS, thread)))
    session = Path(f"/proc/{pid}/autogroup")
    for _ in range(_TRIES):
        try:
            session.write_text(str(niceness))  # noqa: ASYNC240  no file of a disk
        except BlockingIOError:  # a user may write it ten times a second
            await asyncio.sleep(0.1)
        except OSError:
            return
        else:
            return


def _threads(pid: int) -> list[int]:
    """The threads of a process: on Linux, each has a niceness of its own."""
    try:
        return [int(thread.name) for thread in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return [pid]
