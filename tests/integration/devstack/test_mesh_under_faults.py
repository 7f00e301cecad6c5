"""The real services on a cluster: what an HTTP client notices of a process that goes away."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from httpx2 import AsyncClient, HTTPError

from devstack.stack.settings import StackSettings
from devstack.stack.stack import Stack
from services import BY_NAME, WORKERS

MESH = str(Path(sys.executable).with_name("mesh"))
NODES = ("nats-1", "nats-2", "nats-3")
GATEWAYS = ("gateway-1", "gateway-2")
CUSTOMERS = ("customers-1", "customers-2", "customers-3")


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
