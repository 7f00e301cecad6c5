"""The time from the placing of an order to its confirmation, at a fixed rate."""

import asyncio
import statistics
import time
from contextlib import closing

import httpx2

from bench import usage
from bench.errors import BenchError
from bench.lean_http import LeanHttp
from bench.progress import show
from bench.reporting.results import Claim, Section, Table
from bench.reporting.rounds import spread
from bench.tokens import Tokens
from devstack.stack.stack import Stack

_RATE = 50
"""Orders a second."""
_PRODUCTS = range(1, 70)
_STOCK = 30_000
"""Units of each product that are received before: no order is refused."""
_MOST_P50, _MOST_P99 = 30.0, 250.0


async def orders(stack: Stack, tokens: Tokens, *, rounds: int, seconds: int) -> Section:
    """Each order is placed over HTTP, and a second request waits for its confirmation.

    The time counts from when the order was due, so it includes both requests and any wait before the first.
    """
    async with httpx2.AsyncClient(base_url=stack.state.gateway_url, timeout=30) as http:
        await _fill_stock(http, await tokens.headers())
        products = await _sold(http, await tokens.headers())
    p50s, p99s, cpus, clients = [], [], [], []
    with closing(LeanHttp(stack.state.gateway_url)) as lean:
        for turn in range(rounds + 1):
            show(f"  round {turn} of {rounds}" if turn else "  warm-up")
            before, own = usage.cpu(stack.state.processes), time.process_time()
            times = await _place(lean, await tokens.headers(), products, seconds if turn else 2)
            after, own = usage.cpu(stack.state.processes), time.process_time() - own
            if turn:
                p50s.append(statistics.median(times))
                p99s.append(statistics.quantiles(times, n=100)[98])
                cpus.append({name: (after[name] - before[name]) / len(times) * 1e3 for name in before})
                clients.append(own / len(times) * 1e3)
    totals = [sum(cpu.values()) for cpu in cpus]
    return Section(
        name="orders",
        title=f"From placed to confirmed, at {_RATE} orders a second",
        tables=[
            Table(
                columns=["what", "median and range"],
                rows=[["p50 ms", str(spread(p50s))], ["p99 ms", str(spread(p99s))]],
            ),
            Table(
                columns=["process", "CPU ms an order"],
                rows=[
                    *([name, str(spread([cpu[name] for cpu in cpus]))] for name in cpus[0]),
                    ["all", str(spread(totals))],
                    ["the load generator, on the same cores", str(spread(clients))],
                ],
            ),
        ],
        claims=[
            Claim(what="p50 from placed to confirmed", bound=_MOST_P50, measured=spread(p50s), unit=" ms"),
            Claim(what="p99 from placed to confirmed", bound=_MOST_P99, measured=spread(p99s), unit=" ms"),
        ],
        figures={"p50": p50s, "p99": p99s, "cpu": cpus, "client": clients},
    )


async def _fill_stock(http: httpx2.AsyncClient, headers: dict[str, str]) -> None:
    for product in _PRODUCTS:
        stock = (await http.get(f"/v1/products/{product}/stock", headers=headers)).raise_for_status().json()
        wanted = _STOCK - stock["units_in_stock"]
        if wanted > 0:
            body = {"quantity": wanted, "reason": "the benchmark's orders"}
            (await http.post(f"/v1/products/{product}/stock/receive", json=body, headers=headers)).raise_for_status()


async def _place(http: LeanHttp, headers: dict[str, str], products: list[int], seconds: int) -> list[float]:
    """Milliseconds until the confirmation of each order."""
    began = time.monotonic()
    tasks = []
    for number in range(_RATE * seconds):
        due = began + number / _RATE
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        tasks.append(asyncio.create_task(_one(http, headers, products[number % len(products)], due)))
    return await asyncio.gather(*tasks)


async def _sold(http: httpx2.AsyncClient, headers: dict[str, str]) -> list[int]:
    page = (await http.get("/v1/products?limit=200&discontinued=false", headers=headers)).raise_for_status().json()
    return [one["product_id"] for one in page["items"] if one["product_id"] in _PRODUCTS]


async def _one(http: LeanHttp, headers: dict[str, str], product: int, due: float) -> float:
    placed = await http.json("POST", "/v1/orders", headers, {"lines": [{"product_id": product, "quantity": 1}]})
    order = await http.json("GET", f"/v1/orders/{placed['order_id']}?wait=confirmed", headers)
    if order["status"] != "confirmed":
        raise BenchError(f"order {order['order_id']} is {order['status']} after ten seconds")
    return (time.monotonic() - due) * 1e3
