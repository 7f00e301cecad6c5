import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from devstack.processes.niceness import give_way

OWN = os.getpriority(os.PRIO_PROCESS, 0)


@contextmanager
def waiting(niceness: int) -> Iterator[int]:
    """The id of a process with two threads and a session of its own, this much nicer than the tests."""
    code = (
        "import os, sys, threading; "
        f"os.nice({niceness}); threading.Thread(target=sys.stdin.read).start(); print(flush=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()  # its niceness is set
        yield process.pid


@pytest.mark.parametrize(("before", "after"), [(0, 1), (2, 2)])
async def test_a_process_gets_nicer_and_never_less_nice(before: int, after: int) -> None:
    with waiting(before) as pid:
        await give_way(pid, OWN + 1)
        threads = [thread.id for thread in psutil.Process(pid).threads()]
        assert [OWN + after] * len(threads) == [os.getpriority(os.PRIO_PROCESS, thread) for thread in threads]
