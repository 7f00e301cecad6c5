"""The CPU and memory of processes with their children, as the kernel counts them."""

import os
import resource
from collections.abc import Iterator, Mapping

import psutil

_MIB = 2**20


def cpu(processes: Mapping[str, int]) -> dict[str, float]:
    """The CPU seconds of each process by name, so far, with its children's, the dead ones' included.

    Raises psutil.NoSuchProcess where one has ended: figures of a replaced process would be meaningless.
    """
    return {name: _cpu_seconds(psutil.Process(pid)) for name, pid in processes.items()}


def machine() -> float:
    """The CPU seconds of everything on this machine so far."""
    times = psutil.cpu_times()
    # `user` includes guests; `iowait` and `steal` are not work of this machine.
    return float(times.user + times.nice + times.system + times.irq + times.softirq)


def load() -> float:
    """The CPU seconds of this process and of its children that have ended: the load tools among them."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = os.times()
    return children.ru_utime + children.ru_stime + own.user + own.system


def memory(processes: Mapping[str, int]) -> dict[str, float]:
    """The resident memory of each process by name, in MiB; what children share is counted once for each."""
    return {name: sum(map(_resident, _family(psutil.Process(pid)))) / _MIB for name, pid in processes.items()}


def _cpu_seconds(process: psutil.Process) -> float:
    # A child's time moves to its parent's `children` fields when it ends, so nothing is lost or counted twice.
    return sum(map(_own_and_inherited, _family(process)))


def _own_and_inherited(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:  # a database's session that ended just now
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _family(process: psutil.Process) -> Iterator[psutil.Process]:
    yield process
    yield from process.children(recursive=True)
