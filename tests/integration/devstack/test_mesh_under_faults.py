"""The real services on a cluster: what an HTTP client notices of a process that goes away."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
from httpx2 import AsyncClient, HTTPError

from devstack.stack.settings import StackSettings
from devstack.stack.stack import Stack
from services import BY_NAME, WORKERS
from tests.support.http.event_stream import Following, Headers, following
from tests.support.http.people import bearer, log_in, register
from tests.support.long_form import LONG

MESH = str(Path(sys.executable).with_name("mesh"))
NODES = ("nats-1", "nats-2", "nats-3")
GATEWAYS = ("gateway-1", "gateway-2")
CUSTOMERS = ("customers-1", "customers-2", "customers-3")
KILLS = 8 if LONG else 1
TOLD = ("orders.placed", "orders.confirmed")


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    settings = StackSettings(
        home=tmp_path_factory.mktemp("mesh"), http_port=0, nats_nodes=3, replicas={"gateway": 2, "customers": 3}
    )
    async with Stack(settings) as stack:
        yield stack


@pytest.fixture
async def http(stack: Stack) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(base_url=stack.state.gateway_url, timeout=20) as client:
        yield client


class Asked:
    """What became of a client's requests, one after the other."""

    def __init__(self) -> None:
        self.statuses: list[int] = []


@asynccontextmanager
async def asking(http: AsyncClient) -> AsyncIterator[Asked]:
    """Read from two services all the while."""
    asked, over = Asked(), asyncio.Event()

    async def ask(path: str) -> None:
        while not over.is_set():
            try:
                asked.statuses.append((await http.get(path)).status_code)
            except HTTPError:
                asked.statuses.append(0)
            await asyncio.sleep(0.005)

    tasks = [asyncio.create_task(ask(path)) for path in ("/v1/products/1", "/v1/products?limit=2")]
    try:
        yield asked
    finally:
        over.set()
        await asyncio.gather(*tasks)


async def until_all_is_well(stack: Stack) -> None:
    """Wait until every gateway answers for every service."""
    async with asyncio.timeout(30), AsyncClient() as client:
        for url in stack.state.gateway_urls:
            while (await client.get(f"{url}/readyz")).status_code != 200:
                await asyncio.sleep(0.05)


async def test_every_gateway_answers_and_every_replica_has_a_name(stack: Stack) -> None:
    single = {*BY_NAME} - {"gateway", "customers"}
    assert {*NODES, *GATEWAYS, *CUSTOMERS, "postgres", "mongo", *single} == stack.state.processes.keys()
    assert stack.state.gateway_url == stack.state.gateway_urls[0]
    assert 2 == len(set(stack.state.gateway_urls))
    assert 3 == len(stack.state.nats_url.split(","))
    for url in stack.state.gateway_urls:
        async with AsyncClient(base_url=url) as client:
            assert 200 == (await client.get("/readyz")).status_code
            assert "Chai" == (await client.get("/v1/products/1")).json()["product_name"]


async def test_all_replicas_are_discovered(stack: Stack) -> None:
    listing = await asyncio.create_subprocess_exec(
        *(MESH, "ls", "--json", "--home", str(stack.state.home)), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await listing.communicate()
    names = [json.loads(line)["name"] for line in out.splitlines()]
    assert sorted([*(worker.name for worker in WORKERS), "customers", "customers"]) == sorted(names)


@pytest.mark.parametrize("name", NODES)
async def test_a_client_survives_the_kill_of_each_node(stack: Stack, http: AsyncClient, name: str) -> None:
    async with asking(http) as asked:
        await asyncio.sleep(0.2)
        await stack.kill(name)
        await stack.until_serving(name)
        await until_all_is_well(stack)
        await asyncio.sleep(0.2)
        asked_until_then = len(asked.statuses)
        await asyncio.sleep(0.5)
    assert set(asked.statuses) <= {200, 503}  # 503 while the only products worker has lost its node
    assert {200} == set(asked.statuses[asked_until_then:])


async def test_a_client_survives_a_node_that_hangs(stack: Stack, http: AsyncClient) -> None:
    stack.freeze("nats-1")
    async with asyncio.timeout(20):
        while True:
            answers = await asyncio.gather(*(http.get("/v1/products/1") for _ in range(20)))
            if {200} == {answer.status_code for answer in answers}:
                break
    stack.thaw("nats-1")
    await until_all_is_well(stack)


async def test_a_restart_of_the_only_worker_is_not_noticed(stack: Stack, http: AsyncClient) -> None:
    async with asking(http) as asked:
        await asyncio.sleep(0.2)
        await stack.restart("products")
        await asyncio.sleep(0.2)
    assert {200} == set(asked.statuses)


async def test_one_gateway_answers_while_the_other_is_away(stack: Stack) -> None:
    first, second = stack.state.gateway_urls
    async with AsyncClient(base_url=first) as client, asking(client) as asked:
        await stack.kill("gateway-2")
        await stack.until_serving("gateway-2")
    assert {200} == set(asked.statuses)
    async with AsyncClient(base_url=second) as client:
        assert 200 == (await client.get("/v1/products/1")).status_code


class Told(NamedTuple):
    """An event as a client has received it."""

    id: str
    name: str
    order_id: int


@pytest.fixture
async def gateways(stack: Stack) -> AsyncIterator[list[AsyncClient]]:
    first, second = stack.state.gateway_urls
    async with AsyncClient(base_url=first, timeout=60) as one, AsyncClient(base_url=second, timeout=60) as other:
        yield [one, other]


@pytest.fixture
async def user(gateways: list[AsyncClient]) -> Headers:
    return bearer(await log_in(gateways[0], *await register(gateways[0])))


def node_of(stack: Stack, gateway: str) -> str:
    """The node that the gateway is connected to; "" while it is to none."""
    nodes = {
        int(url.rpartition(":")[2]): f"nats-{number}" for number, url in enumerate(stack.state.nats_url.split(","), 1)
    }
    connections = psutil.Process(stack.pid(gateway)).net_connections("tcp")
    found = [nodes[one.raddr.port] for one in connections if one.raddr and one.raddr.port in nodes]
    return found[0] if found else ""


async def asked(http: AsyncClient, method: str, path: str, headers: Headers, **more: object) -> dict[str, object]:
    """The answer, once there is a good one: a service that has just lost its node is 503."""
    while (answer := await http.request(method, path, headers=headers, **more)).status_code == 503:  # type: ignore[arg-type]
        await asyncio.sleep(0.05)
    assert answer.is_success, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def placed(http: AsyncClient, user: Headers, key: str) -> int:
    """A new order; asked again under its key, it stays one."""
    body = {"lines": [{"product_id": 39, "quantity": 1}]}
    return int(str((await asked(http, "POST", "/v1/orders", {**user, "Idempotency-Key": key}, json=body))["order_id"]))


@asynccontextmanager
async def trade(gateways: list[AsyncClient], user: Headers) -> AsyncIterator[list[int]]:
    """Orders that are placed one after the other, by either gateway."""
    orders, over = list[int](), asyncio.Event()

    async def place_orders() -> None:
        for gateway in cycle(gateways):
            if over.is_set():
                return
            orders.append(await placed(gateway, user, f"order-{len(orders)}"))

    task = asyncio.create_task(place_orders())
    try:
        yield orders
    finally:
        over.set()
        await task


async def more(orders: list[int], count: int) -> None:
    wanted = len(orders) + count
    while len(orders) < wanted:
        await asyncio.sleep(0.01)


async def received(stream: Following, count: int) -> list[Told]:
    events = list[Told]()
    for _ in range(count):
        event = await stream.next()
        assert event is not None, f"the stream has ended after {events}"
        events.append(Told(stream.last_id, event[0], event[1]["order_id"]))
    return events


async def test_the_loss_of_a_gateways_node_takes_no_event_from_a_client_and_doubles_none(
    stack: Stack, gateways: list[AsyncClient], user: Headers
) -> None:
    async with following(gateways[0], user) as one, following(gateways[1], user) as other:
        async with trade(gateways, user) as orders:
            for gateway, _ in zip(cycle(GATEWAYS), range(KILLS), strict=False):
                await more(orders, 3)
                await stack.kill(node := node_of(stack, gateway))
                await more(orders, 3)
                await stack.until_serving(node)
        first = await received(one, len(TOLD) * len(orders))
        second = await received(other, len(first))
    assert {(name, order_id) for name in TOLD for order_id in orders} == {event[1:] for event in first}
    assert sorted(map(int, {event.id for event in first})) == [int(event.id) for event in first]
    assert first == second

    for http in gateways:
        for after in (0, len(first) // 2, len(first) - 2):
            async with following(http, user, first[after].id) as resumed:
                assert first[after + 1 :] == await received(resumed, len(first) - after - 1)


async def test_a_wait_goes_on_while_its_gateway_loses_its_node(
    stack: Stack, gateways: list[AsyncClient], user: Headers
) -> None:
    order_id = await placed(gateways[0], user, "waited for")
    await asked(gateways[0], "GET", f"/v1/orders/{order_id}?wait=confirmed", user)
    waiting = asyncio.create_task(asked(gateways[0], "GET", f"/v1/orders/{order_id}?wait=delivered", user))
    await stack.kill(node := node_of(stack, "gateway-1"))
    await asked(gateways[1], "POST", f"/v1/orders/{order_id}/cancel", user)
    assert "cancelled" == (await waiting)["status"]
    await stack.until_serving(node)
