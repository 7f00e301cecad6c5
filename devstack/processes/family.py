"""Who descends from a process: each of PostgreSQL's has a group of its own, so that no signal reaches them all."""

from __future__ import annotations

import contextlib
from pathlib import Path


def descendants(pid: int) -> list[int]:
    """Name the children of a process and theirs, parents first; nobody where the system has no /proc."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended since the listing
            state_and_parent = stat.read_text().rpartition(")")[2].split()  # the name before may hold anything
            children.setdefault(int(state_and_parent[1]), []).append(int(stat.parent.name))
    found = list(children.get(pid, ()))
    for one in found:
        found += children.get(one, ())
    return found
