"""How a process gets a smaller part of the cores than others do, where all of them are wanted at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from pathlib import Path

_TRIES = 5


async def give_way(pid: int, niceness: int) -> None:
    """Make a process that leads a session `niceness` steps nicer: with 10 it gets about a tenth of what others get.

    Linux shares the cores out among sessions first, and there its own niceness counts for nothing (sched(7), "The
    autogroup feature"). Another system knows the process's own alone. Where Linux does not share so (a container, a
    systemd slice), auth's threads that hash are nicer by themselves, and its event loop answers as any other.
    """
    session = Path(f"/proc/{pid}/autogroup")
    for _ in range(_TRIES):
        try:
            session.write_text(str(niceness))  # noqa: ASYNC240  no file of a disk
        except BlockingIOError:  # a user may do so ten times a second
            await asyncio.sleep(0.1)
        except OSError:  # no such groups, or the process has ended
            if sys.platform != "linux":
                with contextlib.suppress(ProcessLookupError):
                    os.setpriority(os.PRIO_PROCESS, pid, niceness)
            return
        else:
            return
