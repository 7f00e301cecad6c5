import asyncio
import functools
from collections.abc import Callable, Coroutine
from contextlib import closing
from typing import Any

from mesh.service.deadlines import Deadlines
from tests.support.virtual_clock import VirtualLoop


def in_virtual_time(test: Callable[[Deadlines], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Run the test on a clock that jumps: a machine that is busy changes nothing."""

    async def play() -> None:
        await test(Deadlines())

    @functools.wraps(test)
    def run() -> None:
        with closing(VirtualLoop()) as loop:
            loop.run(play())

    del run.__wrapped__  # pytest would see its parameters
    return run


async def at_work(deadlines: Deadlines, seconds: float, work: asyncio.Future[str]) -> str:
    task = deadlines.begin(asyncio.get_running_loop().time() + seconds)
    try:
        return await work
    except asyncio.CancelledError:
        return "over" if deadlines.over(task) else "cancelled"
    finally:
        deadlines.end(task)


@in_virtual_time
async def test_what_ends_in_time_is_left_alone(deadlines: Deadlines) -> None:
    work = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(at_work(deadlines, 0.02, work))
    await asyncio.sleep(0)
    work.set_result("done")
    assert "done" == await task
    after = await at_work(deadlines, 60, asyncio.ensure_future(asyncio.sleep(0.05, "not its time")))
    assert "not its time" == after


@in_virtual_time
async def test_each_is_cancelled_at_its_own_time(deadlines: Deadlines) -> None:
    loop = asyncio.get_running_loop()
    ended: list[tuple[float, float]] = []

    async def one(seconds: float) -> None:
        began = loop.time()
        assert "over" == await at_work(deadlines, seconds, loop.create_future())
        ended.append((seconds, loop.time() - began))

    await asyncio.gather(one(0.09), one(0.03), one(0.06))
    assert [0.03, 0.06, 0.09] == [seconds for seconds, _ in ended]
    assert all(seconds <= after + 1e-9 for seconds, after in ended)


@in_virtual_time
async def test_a_cancellation_from_elsewhere_is_told_apart(deadlines: Deadlines) -> None:
    task = asyncio.create_task(at_work(deadlines, 60, asyncio.get_running_loop().create_future()))
    await asyncio.sleep(0)
    task.cancel()
    assert "cancelled" == await task


@in_virtual_time
async def test_without_work_it_does_nothing(deadlines: Deadlines) -> None:
    assert "done" == await at_work(deadlines, 0.02, asyncio.ensure_future(asyncio.sleep(0, "done")))
    while deadlines.timed:
        await asyncio.sleep(0.001)
