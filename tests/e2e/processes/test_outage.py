"""A mesh of the gateway and the products service alone: what HTTP clients see of services that are away."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator

import pytest
from httpx2 import AsyncClient, Response

from devstack.servers.all import Servers
from ops.nkeys import new_seed
from subjects import ENDPOINTS
from tests.support.gateway.tokens import bearer
from tests.support.http.problems import problem
from tests.support.servers.frozen import frozen
from tests.support.servers.processes import Process, gateway_on, products_on


@pytest.fixture(scope="module")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    async with Servers(tmp_path_factory.mktemp("outage"), only={"nats", "postgres"}) as servers:
        yield servers


@pytest.fixture
async def products(servers: Servers, http: AsyncClient) -> AsyncIterator[Process]:
    """The products service, which answers."""
    process = products_on(servers)
    await process.start()
    await process.said("service_started")
    yield process
    await process.end(signal.SIGTERM)


@pytest.fixture(scope="module")
async def gateway(servers: Servers) -> AsyncIterator[Process]:
    process = gateway_on(servers, GATEWAY_CACHE="0")  # a read tells whether its worker answers
    await process.start()
    yield process
    await process.end(signal.SIGTERM)


@pytest.fixture(scope="module")
async def http(gateway: Process) -> AsyncIterator[AsyncClient]:
    port = (await gateway.said("gateway_started"))["port"]
    async with AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
        yield client


async def test_a_service_that_nobody_runs_is_503_at_once_while_others_work(
    http: AsyncClient, products: Process
) -> None:
    began = time.monotonic()

    answer = await http.post("/v1/auth/login", json={"email": "nancy@northwind.example", "password": "x"})

    assert time.monotonic() - began < 3
    told = problem(answer, 503, "no_responders")
    assert (True, "1") == (told.retryable, answer.headers["retry-after"])
    assert "auth" in told.detail
    assert "Chai" == (await http.get("/v1/products/1")).json()["product_name"]


async def test_without_the_keys_nobody_can_be_verified(http: AsyncClient, products: Process) -> None:
    for token in ("Bearer a.b.c", bearer("USER", kid="k")["Authorization"]):
        answer = await http.get("/v1/suppliers", headers={"Authorization": token})
        status = answer.status_code
        problem(answer, status, {401: "invalid_token", 503: "keys_unavailable"}[status])
    assert (503, "1") == (status, answer.headers["retry-after"])
    problem(await http.get("/v1/suppliers"), 401, "token_required")


async def test_readiness_names_what_is_missing(http: AsyncClient, products: Process) -> None:
    answer = await http.get("/readyz")

    assert 503 == answer.status_code
    missing = sorted({endpoint.service for endpoint in ENDPOINTS} - {"products"})
    assert {**dict.fromkeys(missing, False), "products": True} == answer.json()["services"]
    assert (False, True, f"no answer from {', '.join(missing)}") == tuple(
        answer.json()[name] for name in ("ready", "nats", "reason")
    )
    assert 200 == (await http.get("/healthz")).status_code


async def test_a_worker_without_its_database_steps_back_and_comes_back(
    servers: Servers, http: AsyncClient, products: Process
) -> None:
    assert 200 == (await http.get("/v1/products/1")).status_code

    with frozen(servers, "postgres"):
        while "products is not ready" not in (readiness := await http.get("/readyz")).json()["reason"]:
            answer = await http.get("/v1/products/1")
            assert answer.status_code in {503, 504}
        assert readiness.json()["reason"].endswith("products is not ready: the database does not answer")
        problem(await http.get("/v1/products/1"), 503, "no_responders")

    began = time.monotonic()
    while (await http.get("/v1/products/1")).status_code != 200:
        await asyncio.sleep(0.02)
    assert time.monotonic() - began < 10
    while not (await http.get("/readyz")).json()["services"]["products"]:
        await asyncio.sleep(0.02)
    await products.said("service_resumed")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_a_worker_that_ended_is_503_until_the_next_one_serves(
    http: AsyncClient, products: Process, number: signal.Signals
) -> None:
    assert 200 == (await http.get("/v1/products/1")).status_code

    code = await products.end(number)
    answer = await http.get("/v1/products/1")
    await products.start()

    assert {signal.SIGTERM: 0, signal.SIGKILL: -9}[number] == code
    problem(answer, 503, "no_responders")
    assert "1" == answer.headers["retry-after"]
    while (await http.get("/v1/products/1")).status_code != 200:
        await asyncio.sleep(0.02)


async def test_a_worker_that_is_told_to_end_finishes_what_it_took(http: AsyncClient, products: Process) -> None:
    answers: list[Response] = []
    served = asyncio.Event()
    asking = asyncio.create_task(ask_until_nobody_serves(http, answers, served))
    await served.wait()

    code = await products.end(signal.SIGTERM)
    await asking

    assert 0 == code
    assert "products" == (await products.said("service_drained"))["service"]
    assert {200, 503} == {answer.status_code for answer in answers}
    assert {"no_responders"} == {answer.json()["reason"] for answer in answers if answer.status_code == 503}


async def ask_until_nobody_serves(http: AsyncClient, answers: list[Response], served: asyncio.Event) -> None:
    """Twenty at a time."""

    async def ask() -> None:
        answers.append(answer := await http.get("/v1/products?limit=200&sort=-unit_price"))
        if answer.status_code == 200:
            served.set()

    while not any(answer.status_code == 503 for answer in answers):
        await asyncio.gather(*(ask() for _ in range(20)))


async def test_a_gateway_that_is_told_to_end_finishes_what_it_took(servers: Servers, products: Process) -> None:
    gateway = gateway_on(servers)
    await gateway.start()
    port = (await gateway.said("gateway_started"))["port"]

    async with AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        # A connection that the gateway has not taken yet is reset by the kernel: open them all first.
        opening = await asyncio.gather(*(http.get("/v1/products/1") for _ in range(10)))
        assert {200} == {answer.status_code for answer in opening}
        asking = [asyncio.create_task(http.get("/v1/products?limit=200")) for _ in range(10)]
        await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        code = await gateway.end(signal.SIGTERM)
        answers = [await answer for answer in asking]

    assert 0 == code
    assert {200} == {answer.status_code for answer in answers}
    await gateway.said("gateway_drained")


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"GATEWAY_PORT": "99999"}, "GATEWAY_PORT"),
        ({"NATS_URL": "nats://127.0.0.1:1", "NATS_CONNECT_TIMEOUT": "0.3"}, "cannot connect to NATS at"),
        ({"NATS_NKEY_SEED": new_seed()}, "Authorization Violation"),
        ({"NATS_NKEY_SEED": "SUSPECT"}, "not the seed of an nkey"),
    ],
)
async def test_a_gateway_that_cannot_start_says_why_in_one_line(
    servers: Servers, environment: dict[str, str], reason: str
) -> None:
    gateway = gateway_on(servers, **environment)

    await gateway.start()

    assert reason.lower() in (await gateway.said("stopped"))["why"].lower()
    assert 1 == await gateway.wait()
