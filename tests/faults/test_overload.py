"""More than a service can do: it goes on doing what it can, in time, and says no to the rest at once."""

import asyncio
from asyncio import get_running_loop
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from httpx2 import AsyncClient, Limits

from contracts.products import GetProduct
from mesh.core.errors import RemoteFault
from subjects import PRODUCTS_GET
from tests.faults.single import Single, single
from tests.support.load.figures import Figures
from tests.support.load.traffic import Ask, Load, Outcomes, status, traffic

CONCURRENCY, SECONDS = 2, 0.1
CAPACITY = CONCURRENCY / SECONDS
"""Requests a second that the worker can answer at most."""
AT_ONCE = 0.3
"""Seconds in which a refusal has come, on a machine that is busy with other things as well."""
MOST_GROWTH = 24.0
"""MiB by which a process may grow."""
ONCE = replace(PRODUCTS_GET, idempotent=False, cached=False, timeout=1.0)
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


async def most(ask: Ask, figures: Figures) -> float:
    """Good answers a second with as many at once as suffice to keep the worker busy, and no more."""
    async with traffic([ask], at_once=2 * CONCURRENCY) as load:
        await load.more(round(CAPACITY / 2))
        measured_from = get_running_loop().time()
        await load.more(round(CAPACITY * (5 if figures.long else 0.5)))
    return throughput(load.outcomes, measured_from)


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

    peak = await most(ask, figures)
    memory = mesh.memory("products")
    began = get_running_loop().time()
    outcomes = await offered(ask, 10 * CAPACITY, seconds := 20 if figures.long else 3)
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
    if figures.long:  # in a few seconds, on a machine that may be busy, speeds tell little
        assert 0.8 * peak <= throughput(outcomes, began)
        assert outcomes.of({"ok"}).percentile(99) <= ONCE.timeout
        assert refused(outcomes).percentile(50) < AT_ONCE
        assert 8 * CAPACITY < len(outcomes) / seconds  # all that was promised was asked
        assert len(refused(outcomes)) > len(outcomes) / 2
    assert refused(outcomes)
    assert {"queue_full", "queue_too_slow"} >= outcomes.failed().keys()
    assert mesh.memory("products") - memory < MOST_GROWTH


async def test_over_http_what_cannot_be_done_is_told_when_to_come_again(mesh: Single, figures: Figures) -> None:
    hurried = 0
    async with AsyncClient(base_url=mesh.url, timeout=20, limits=Limits(max_connections=None)) as http:

        async def ask() -> str:
            nonlocal hurried
            answer = await http.get("/v1/products/1")
            hurried += answer.status_code == 503 and "retry-after" not in answer.headers
            return status(answer)

        peak = await most(ask, figures)
        memory = mesh.memory("gateway")
        began = get_running_loop().time()
        outcomes = await offered(ask, 10 * CAPACITY, seconds := 20 if figures.long else 3)

    good = outcomes.of({"ok"})
    figures.add(
        "ten times the capacity, over HTTP",
        peak=round(peak),
        accepted=round(throughput(outcomes, began)),
        memory_growth_mib=round(mesh.memory("gateway") - memory, 1),
        accepted_p99_ms=round(good.percentile(99) * 1000),
        refused_p50_ms=round(not_now(outcomes).percentile(50) * 1000),
        **outcomes.figures(),
    )
    assert 0 == hurried
    if figures.long:
        assert 8 * CAPACITY < len(outcomes) / seconds
        assert 0.8 * peak <= throughput(outcomes, began)
        assert good.percentile(99) <= PRODUCTS_GET.timeout
        assert not_now(outcomes).percentile(50) < AT_ONCE
    assert good
    assert {"503 gateway_busy", "503 queue_too_slow"} >= outcomes.failed().keys()
    assert mesh.memory("gateway") - memory < MOST_GROWTH


def refused(outcomes: Outcomes) -> Outcomes:
    """What was never begun."""
    return outcomes.of({"queue_full", "queue_too_slow"})


def not_now(outcomes: Outcomes) -> Outcomes:
    """What was never begun, as HTTP tells it."""
    return outcomes.of({"503 gateway_busy", "503 queue_too_slow", "503 queue_full"})
