"""The descendants of a process. PostgreSQL's children have their own groups, so one signal does not reach all."""

from __future__ import annotations

import contextlib
from pathlib import Path


def descendants(pid: int) -> list[int]:
    """Process ids of children, grandchildren and so on, parents first; empty on a system without /proc."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended since it was listed
            state_and_parent = stat.read_text().rpartition(")")[2].split()  # the name before it can contain anything
            children.setdefault(int(state_and_parent[1]), []).append(int(stat.parent.name))
    found = list(children.get(pid, ()))
    for one in found:
        found += children.get(one, ())
    return found
