"""More than a service can do: it goes on doing what it can, in time, and says no to the rest at once."""

import asyncio
from asyncio import get_running_loop
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from contracts.products import GetProduct
from mesh.errors import RemoteFault
from subjects import PRODUCTS_GET
from tests.faults.conftest import Figures
from tests.faults.single import Single, single
from tests.faults.traffic import Ask, Load, Outcomes, traffic

CONCURRENCY, SECONDS = 2, 0.04
CAPACITY = CONCURRENCY / SECONDS
"""Requests a second that the worker can answer at most."""
AT_ONCE = 0.3
"""Seconds in which a refusal has come, on a machine that is busy with other things as well."""
MOST_GROWTH = 24.0
"""MiB by which a process may grow."""
ONCE = replace(PRODUCTS_GET, idempotent=False, timeout=1.0)
"""What the caller knows of the endpoint: a second's time, and nothing is asked twice."""


@pytest.fixture(scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Single]:
    slow = {"products": "tests.faults.slow_products"}
    settings = {"MESH_CONCURRENCY": str(CONCURRENCY), "SECONDS": str(SECONDS)}
    async with single(tmp_path_factory.mktemp("overload"), ["nats"], slow, **settings) as mesh:
        yield mesh


async def offered(ask: Ask, rate: float, seconds: float) -> Outcomes:
    """Make so many requests a second, whatever becomes of them, and wait for all answers."""
    load, asking = Load(), set()
    loop = get_running_loop()
    began, made = loop.time(), 0
    while (elapsed := loop.time() - began) < seconds:
        while made < elapsed * rate:
            asking.add(task := asyncio.create_task(load.record(ask)))
            task.add_done_callback(asking.discard)
            made += 1
        await asyncio.sleep(0.005)
    await asyncio.gather(*asking)
    return load.outcomes


def throughput(outcomes: Outcomes, after: float) -> float:
    """Good answers a second, of those that came after a time."""
    good = [one.ended for one in outcomes.of({"ok"}) if one.ended >= after]
    return len(good) / (max(good) - after)


async def test_a_worker_does_what_it_can_when_ten_times_as_much_is_asked(mesh: Single, figures: Figures) -> None:
    caller = await mesh.connect()

    async def ask() -> str:
        try:
            await caller.client.call(ONCE, GetProduct(product_id=1))
        except RemoteFault as fault:
            return fault.reason
        return "ok"

    async with traffic([ask], at_once=2 * CONCURRENCY) as load:
        await load.more(round(CAPACITY))
        measured_from = get_running_loop().time()
        await load.more(round(CAPACITY * (5 if figures.long else 2)))
    peak = throughput(load.outcomes, measured_from)
    memory = mesh.memory("products")
    began = get_running_loop().time()
    outcomes = await offered(ask, 10 * CAPACITY, 20 if figures.long else 4)
    await caller.transport.close()

    figures.add(
        "ten times the capacity",
        peak=round(peak),
        accepted=round(throughput(outcomes, began)),
        memory_growth_mib=round(mesh.memory("products") - memory, 1),
        accepted_p99_ms=round(outcomes.of({"ok"}).percentile(99) * 1000),
        refused_p50_ms=round(refused(outcomes).percentile(50) * 1000),
        **outcomes.figures(),
    )
    assert 8 * CAPACITY < len(outcomes) / (20 if figures.long else 4)  # all that was promised was asked
    assert 0.8 * peak <= throughput(outcomes, began)
    assert outcomes.of({"ok"}).percentile(99) <= ONCE.timeout
    assert refused(outcomes).percentile(50) < AT_ONCE
    assert len(refused(outcomes)) > len(outcomes) / 2
    assert {"queue_full", "queue_too_slow", "deadline_exceeded", "DeadlineExceeded"} >= outcomes.failed().keys()
    assert mesh.memory("products") - memory < MOST_GROWTH


def refused(outcomes: Outcomes) -> Outcomes:
    """What was never begun."""
    return outcomes.of({"queue_full", "queue_too_slow"})
