import asyncio
from collections.abc import Coroutine
from contextlib import closing
from typing import Any

import pytest

from mesh.process.run import StartError, Stopped, unless_stopped
from tests.support.virtual_clock import VirtualLoop


def in_virtual_time(work: Coroutine[Any, Any, None]) -> None:
    with closing(VirtualLoop()) as loop:
        loop.run(work)


async def started() -> str:
    await asyncio.sleep(1)
    return "started"


async def failed() -> str:
    await asyncio.sleep(1)
    raise StartError("no database")


class Stubborn:
    """A start that swallows cancellations, as libraries do, and then fails or goes on."""

    def __init__(self, swallows: int, outcome: Exception | str | None = None) -> None:
        self.cancelled = 0
        self.swallows = swallows
        self._outcome = outcome

    async def __call__(self) -> str:
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                self.cancelled += 1
                if self.cancelled > self.swallows:
                    if isinstance(self._outcome, Exception):
                        raise self._outcome from None
                    if self._outcome is not None:
                        return self._outcome
                    raise


def test_a_start_that_nobody_stops_comes_to_what_it_does() -> None:
    async def scene() -> None:
        assert "started" == await unless_stopped(asyncio.Event(), started())
        with pytest.raises(StartError, match="no database"):
            await unless_stopped(asyncio.Event(), failed())

    in_virtual_time(scene())


@pytest.mark.parametrize("already", [True, False])
@pytest.mark.parametrize(
    "start", [Stubborn(0), Stubborn(3), Stubborn(0, OSError("broke")), Stubborn(2, OSError("broke"))]
)
def test_a_start_that_is_stopped_is_cancelled_until_it_ends(start: Stubborn, already: bool) -> None:  # noqa: FBT001
    async def scene() -> None:
        start.cancelled = 0
        stop = asyncio.Event()
        if already:
            stop.set()
        else:
            asyncio.get_running_loop().call_later(7, stop.set)
        with pytest.raises(Stopped):
            await unless_stopped(stop, start())
        assert start.cancelled > start.swallows
        assert {asyncio.current_task()} == asyncio.all_tasks()

    in_virtual_time(scene())


def test_what_had_started_all_the_same_is_not_lost() -> None:
    async def scene() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(7, stop.set)
        assert "a connection" == await unless_stopped(stop, Stubborn(0, "a connection")())

    in_virtual_time(scene())


def test_who_waits_for_the_start_and_is_cancelled_ends_it() -> None:
    async def scene() -> None:
        start = Stubborn(0)
        waiting = asyncio.create_task(unless_stopped(asyncio.Event(), start()))
        await asyncio.sleep(1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert 1 == start.cancelled

    in_virtual_time(scene())
