"""NATS servers that are killed, reloaded and frozen while everybody works."""

import asyncio
from asyncio import get_running_loop
from contextlib import suppress
from functools import partial

from contracts.products import GetProduct
from mesh.nats.transport import NatsTransport
from subjects import PRODUCTS_GET
from tests.faults.meshes import Mesh
from tests.faults.orders.market import market
from tests.faults.orders.trade import ordered, trade
from tests.faults.writes import Writer, in_database
from tests.support.load.figures import Figures
from tests.support.load.traffic import Ask, Caller, Outcomes, connected, traffic

RECOVERED = 1.0
"""Seconds after the return of NATS from which on there is no other answer than a good one."""
FAILED_OVER = 6.0
"""Seconds in which a frozen server must have been left for another."""
UNKNOWN = {"503 connection_lost", "504 deadline_exceeded"}
"""Answers after which nobody knows whether the write was done."""


async def test_without_nats_there_are_only_503s_and_nothing_is_executed_later(pairs: Mesh, figures: Figures) -> None:
    kills = 10 if figures.long else 2
    writers = [Writer(pairs.http, pairs.token), Writer(pairs.nats, pairs.token)]
    asks: list[Ask] = [*(writer.once for writer in writers), *pairs.reads(), *(writer.once for writer in writers)]
    late, during = Outcomes(), Outcomes()

    async with traffic(asks, at_once=11, pause=0.02) as load:
        for kill in range(kills):
            await load.more(100, "ok")
            figures.tell(f"kill {kill + 1} of {kills}, {len(load.outcomes)} requests")
            killed_at = get_running_loop().time()
            await pairs.stack.kill("nats")
            await pairs.stack.until_serving("nats")
            back_at = get_running_loop().time()
            await asyncio.sleep(RECOVERED)
            await load.more(100)
            during += load.outcomes.begun(after=killed_at, before=back_at)
            late += load.outcomes.ended(after=back_at + RECOVERED)

    figures.add(
        "nats-server killed",
        kills=kills,
        writes=sum(len(writer.tries) for writer in writers),
        outcome_unknown=sum(kind in UNKNOWN for writer in writers for _, kind in writer.answers.values()),
        **load.outcomes.figures(),
    )
    assert len(during) >= kills  # short enough an absence is waited for, so that not even a 503 need be seen
    assert {"503"} >= {kind.partition(" ")[0] for kind in load.outcomes.failed()}
    assert {} == late.failed()
    for writer in writers:
        found = await in_database(pairs.stack, writer.answers)
        executed = {id_: found.get(id_, 0) for id_ in writer.answers}
        for customer_id, (version, kind) in writer.answers.items():
            allowed = {version, version + 1} if kind in UNKNOWN else {version + (kind == "ok")}
            assert executed[customer_id] in allowed, (customer_id, kind)


async def test_a_cluster_that_loses_any_node_fails_no_idempotent_call(cluster: Mesh, figures: Figures) -> None:
    nodes = ("nats-1", "nats-2", "nats-3") * (10 if figures.long else 1)
    async with traffic(cluster.reads(), at_once=7, pause=0.01) as load:
        for node in nodes:
            await load.more(100)
            figures.tell(f"kill of {node}, {len(load.outcomes)} requests")
            await cluster.stack.kill(node)
            await load.more(100)
            await cluster.stack.until_serving(node)
            await load.more(100)

    figures.add("each node of a cluster killed", kills=len(nodes), **load.outcomes.figures())
    assert {} == load.outcomes.failed()


async def test_a_cluster_that_loses_any_node_loses_no_order(cluster: Mesh, figures: Figures) -> None:
    began = get_running_loop().time()
    async with market(cluster) as shop:
        # The leader of the stream: its end costs most. In the long form each node in turn.
        nodes = ("nats-1", "nats-2", "nats-3") * 5 if figures.long else (await shop.streams.leader(),)
        async with trade(shop, seed=5) as load:
            for node in nodes:
                await ordered(shop, load, 20 if figures.long else 5)
                figures.tell(f"kill of {node}, {len(shop.account.placed)} orders")
                await cluster.stack.kill(node)
                await ordered(shop, load, 20 if figures.long else 5)
                await cluster.stack.until_serving(node)
        books = await shop.verify()

    figures.add(
        "orders, each node of a cluster killed",
        kills=len(nodes),
        orders=len(books.orders),
        events=len(books.streamed),
        repeated_requests=shop.account.repeated,
        seconds=round(get_running_loop().time() - began),
        **load.outcomes.figures(),
    )


async def test_a_reload_in_mid_call_fails_no_idempotent_call(pairs: Mesh, figures: Figures) -> None:
    reloads = 40 if figures.long else 3
    in_flight = 0
    async with traffic(pairs.reads(), at_once=14) as load:
        for _ in range(reloads):
            await load.more(50)
            began = get_running_loop().time()
            await pairs.stack.reload("nats")
            ended = get_running_loop().time()
            await load.more(50)
            in_flight += sum(one.began < ended and began < one.ended for one in load.outcomes)

    figures.add("configuration of NATS reloaded", reloads=reloads, calls_meanwhile=in_flight, **load.outcomes.figures())
    assert in_flight >= reloads
    assert {} == load.outcomes.failed()


async def test_a_frozen_node_is_left_for_another_though_the_socket_is_full(cluster: Mesh, figures: Figures) -> None:
    async with connected(cluster.stack) as caller:
        node = node_of(cluster, caller)
        await caller.call(PRODUCTS_GET, GetProduct(product_id=1))
        cluster.stack.freeze(node)
        frozen_at = get_running_loop().time()
        try:
            await fill(caller.transport)
            while node_of(cluster, caller) == node:
                await asyncio.sleep(0.01)
            seconds = get_running_loop().time() - frozen_at
            asks: list[Ask] = [partial(caller.kind, PRODUCTS_GET, GetProduct(product_id=1)), *cluster.reads()]
            async with traffic(asks, at_once=8) as load:
                await load.more(100, "ok")
        finally:
            cluster.stack.thaw(node)

    figures.add("a node frozen, socket full", failed_over_s=round(seconds, 1), **load.outcomes.figures())
    assert 0 < seconds < FAILED_OVER
    assert 100 <= load.outcomes.counts()["ok"]


def node_of(cluster: Mesh, caller: Caller) -> str:
    """The node that the caller is connected to, "" while it is to none."""
    url = caller.transport.connection.connected_url
    urls = cluster.stack.state.nats_url.split(",")
    numbers = [number for number, one in enumerate(urls, 1) if url is not None and one.endswith(f":{url.port}")]
    return f"nats-{numbers[0]}" if numbers else ""


async def fill(transport: NatsTransport) -> None:
    """Send, on a subject that nobody serves, until every buffer on the way to a frozen server is full."""
    with suppress(TimeoutError):
        async with asyncio.timeout(0.5):
            while True:
                await transport.publish("products.void", bytes(1_000_000))
