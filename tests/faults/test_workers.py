"""Workers and gateways that are killed, replaced and frozen while everybody works."""

import asyncio
from asyncio import get_running_loop
from functools import partial

from contracts.customers import GetCustomer
from contracts.products import GetProduct
from subjects import CUSTOMERS_GET, CUSTOMERS_UPDATE, PRODUCTS_GET
from tests.faults.connections import until_connected
from tests.faults.meshes import Mesh
from tests.faults.single import MODULES
from tests.faults.writes import Writer, in_database
from tests.support.load.figures import Figures
from tests.support.load.traffic import Ask, traffic

LATE = 1.0
"""Seconds by which an answer may miss its deadline on a machine that is busy with other things as well."""
WORKERS = tuple(MODULES)
"""Those that need no events; tests/faults/orders restarts the others too."""


async def test_a_killed_worker_loses_no_acknowledged_write(pairs: Mesh, figures: Figures) -> None:
    kills, between, at_least = (20, 200, 10_000) if figures.long else (2, 100, 300)
    writers = [Writer(pairs.http, pairs.token), Writer(pairs.nats, pairs.token)]
    began = get_running_loop().time()

    async with traffic([writer.write for writer in writers], at_once=16) as load:
        for kill in range(kills):
            await load.more(between, "ok")
            figures.tell(f"kill {kill + 1} of {kills}, {len(load.outcomes)} writes")
            name = f"customers-{kill % 2 + 1}"
            await pairs.stack.kill(name)
            await load.more(between, "ok")
            await pairs.stack.until_serving(name)
        await load.more(max(between, at_least - len(load.outcomes.of({"ok"}))), "ok")

    tries = [one for writer in writers for one in writer.tries]
    acknowledged = {id_: version for writer in writers for id_, version in writer.acknowledged.items()}
    figures.add(
        "kill -9 of a worker",
        kills=kills,
        acknowledged=sum(acknowledged.values()),
        repeated=sum(writer.repeated for writer in writers),
        longest_s=round(max(tries), 2),
        seconds=round(get_running_loop().time() - began),
        **load.outcomes.figures(),
    )
    assert acknowledged == await in_database(pairs.stack, acknowledged)
    assert at_least <= sum(acknowledged.values())
    assert {} == load.outcomes.failed()
    assert max(tries) < CUSTOMERS_UPDATE.timeout + LATE


async def test_a_killed_worker_costs_reads_little(pairs: Mesh, figures: Figures) -> None:
    kills, between = (20, 200) if figures.long else (2, 100)
    http = pairs.http
    asks: list[Ask] = [
        partial(http.kind, "GET", "/v1/customers/ALFKI", headers=pairs.bearer),
        partial(http.kind, "GET", "/v1/products/1"),
        partial(http.kind, "GET", "/v1/customers?limit=3", headers=pairs.bearer),
    ]
    async with traffic(asks, at_once=8, pause=0.005) as load:
        await load.more(10 * between)  # after which each gateway knows how long its answers take
        before = load.outcomes.percentile(99.9)
        for kill in range(kills):
            figures.tell(f"kill {kill + 1} of {kills}, {len(load.outcomes)} reads")
            name = f"{('customers', 'products')[kill % 2]}-{kill // 2 % 2 + 1}"
            await pairs.stack.kill(name)
            await load.more(between)
            await pairs.stack.until_serving(name)
            await load.more(between)

    reads = load.outcomes
    figures.add(
        "kill -9 of a worker, reads",
        kills=kills,
        p999_before_ms=round(before * 1000),
        p999_ms=round(reads.percentile(99.9) * 1000),
        **reads.figures(),
    )
    assert {} == reads.failed()
    assert reads.percentile(100) < CUSTOMERS_GET.timeout
    if figures.long:  # so few reads as in the short form say nothing of a thousandth
        assert reads.percentile(99.9) <= before + 0.25


async def test_rolling_restarts_fail_no_request(pairs: Mesh, figures: Figures) -> None:
    restarts, at_least = (60, 20_000) if figures.long else (1, 300)
    writers = [Writer(pairs.http, pairs.token), Writer(pairs.nats, pairs.token)]
    began = get_running_loop().time()

    asks: list[Ask] = [*pairs.reads(), *(writer.once for writer in writers)]
    async with traffic(asks, at_once=9, pause=0.01) as load:
        for restart in range(restarts):
            await load.more(50)
            figures.tell(f"restart {restart + 1} of {restarts}, {len(load.outcomes)} requests")
            # Of each service one replica at a time; all services at once, as when all of it is deployed.
            await asyncio.gather(*(pairs.stack.restart(f"{worker}-{restart % 2 + 1}") for worker in WORKERS))
        await load.more(max(50, at_least - len(load.outcomes)))

    figures.add(
        "rolling restarts of workers",
        restarts_of_each=restarts,
        seconds=round(get_running_loop().time() - began),
        **load.outcomes.figures(),
    )
    assert at_least <= len(load.outcomes)
    assert {} == load.outcomes.failed()


async def test_rolling_restarts_of_the_gateway_fail_no_request(pairs: Mesh, figures: Figures) -> None:
    restarts, at_least = (60, 20_000) if figures.long else (1, 300)
    asks: list[Ask] = [
        partial(pairs.http.kind, "GET", "/v1/products/1"),
        partial(pairs.http.kind, "GET", "/v1/customers/ALFKI", headers=pairs.bearer),
        Writer(pairs.http, pairs.token).once,
        Writer(pairs.http, pairs.token).once,
    ]
    began = get_running_loop().time()

    async with traffic(asks, at_once=4, pause=0.01) as load:
        for restart in range(restarts):
            await load.more(50)
            figures.tell(f"restart {restart + 1} of {restarts}, {len(load.outcomes)} requests")
            await pairs.stack.restart(f"gateway-{restart % 2 + 1}")
            while pairs.http.unready:
                await asyncio.sleep(0.01)
        await load.more(max(50, at_least - len(load.outcomes)))

    figures.add(
        "rolling restarts of the gateway",
        restarts=restarts,
        seconds=round(get_running_loop().time() - began),
        **load.outcomes.figures(),
    )
    assert at_least <= len(load.outcomes)
    assert {} == load.outcomes.failed()


async def test_a_frozen_worker_fails_no_idempotent_call(pairs: Mesh, figures: Figures) -> None:
    asks: list[Ask] = [
        partial(pairs.nats.kind, CUSTOMERS_GET, GetCustomer(customer_id="ALFKI")),
        partial(pairs.nats.kind, PRODUCTS_GET, GetProduct(product_id=1)),
    ]
    evictions: list[float] = []
    async with traffic(asks, at_once=8, pause=0.02) as load:
        for name in ("customers-1", "products-2") * 3 if figures.long else ("customers-1",):
            await load.more(100)
            pairs.stack.freeze(name)
            frozen_at = get_running_loop().time()
            try:
                await until_connected(pairs.stack, name.partition("-")[0], 1)
                evictions.append(get_running_loop().time() - frozen_at)
                await load.more(100)
            finally:
                pairs.stack.thaw(name)
            await until_connected(pairs.stack, name.partition("-")[0], 2)
        await load.more(100)

    slow = [one for one in load.outcomes if one.seconds > 0.25 * CUSTOMERS_GET.timeout]
    figures.add(
        "one of two workers frozen",
        frozen=len(evictions),
        longest_until_evicted_s=round(max(evictions), 1),
        asked_again=len(slow),
        **load.outcomes.figures(),
    )
    assert slow  # the frozen one was asked
    assert max(evictions) < 15
    assert {} == load.outcomes.failed()
