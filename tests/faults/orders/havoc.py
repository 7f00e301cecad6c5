"""Faults of every process of a mesh, at moments and in an order that a seed decides."""

import asyncio
import random
from typing import Final, NamedTuple

from devstack.processes.program import kind_of
from devstack.stack.stack import Stack

WAYS: Final = ("kill", "restart", "freeze")
"""SIGKILL; SIGTERM; SIGSTOP and later SIGCONT. After the first two a new process starts."""


class Fault(NamedTuple):
    """What happens to which process."""

    way: str
    process: str
    seconds: float
    """How long it is frozen."""

    async def strike(self, stack: Stack) -> None:
        """Have it happen. On return the process serves again, or goes on."""
        if self.way == "kill":
            await stack.kill(self.process)
            await stack.until_serving(self.process)
        elif self.way == "restart":
            await stack.restart(self.process)
        else:
            stack.freeze(self.process)
            try:
                await asyncio.sleep(self.seconds)  # the fault itself: how long nothing answers
            finally:
                stack.thaw(self.process)


def faults(stack: Stack, chance: random.Random, longest: float) -> list[Fault]:
    """Each kind of process, one of its replicas each time, in each way. Shuffled."""
    kinds: dict[str, list[str]] = {}
    for process in sorted(stack.state.processes):
        kinds.setdefault(kind_of(process), []).append(process)
    found = [
        Fault(way, chance.choice(replicas), round(chance.uniform(0.5, longest), 1))
        for replicas in kinds.values()
        for way in WAYS
    ]
    chance.shuffle(found)
    return found
