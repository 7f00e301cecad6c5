import asyncio
from collections.abc import Coroutine
from contextlib import closing
from math import inf

from hypothesis import given
from hypothesis import strategies as st

from mesh.transport.timer import TICK, Timer
from tests.support.virtual_clock import VirtualLoop


def run(work: Coroutine[None, None, None]) -> None:
    with closing(VirtualLoop()) as loop:
        loop.run(work)


class Kept:
    """What is due when, and when it was noticed."""

    def __init__(self) -> None:
        self.due: list[float] = []
        self.noticed: list[tuple[float, float]] = []
        self.looks = 0
        self.timer = Timer(self.look)

    def add(self, due: float) -> None:
        self.due.append(due)
        self.timer.ring_by(due)

    def look(self, now: float) -> float:
        self.looks += 1
        self.noticed += [(due, now) for due in self.due if due <= now]
        self.due = [due for due in self.due if due > now]
        return min(self.due, default=inf)


@given(st.lists(st.tuples(st.floats(0, 0.1), st.floats(0.0001, 10)), min_size=1, max_size=30))
def test_nothing_is_noticed_early_or_more_than_a_tick_late(comes: list[tuple[float, float]]) -> None:
    kept = Kept()

    async def work() -> None:
        loop = asyncio.get_running_loop()
        for pause, ahead in comes:
            await asyncio.sleep(pause)
            kept.add(loop.time() + ahead)
        await asyncio.sleep(20)

    run(work())
    assert len(comes) == len(kept.noticed)
    assert all(0 <= now - due <= TICK + 1e-9 for due, now in kept.noticed)


def test_it_rings_seldom() -> None:
    kept = Kept()

    async def work() -> None:
        loop = asyncio.get_running_loop()
        for _ in range(1000):  # a second of requests, each of them with a second of time, and answered at once
            kept.add(loop.time() + 1)
            kept.due.clear()
            await asyncio.sleep(0.001)
        await asyncio.sleep(10)

    run(work())
    assert kept.looks <= 3
