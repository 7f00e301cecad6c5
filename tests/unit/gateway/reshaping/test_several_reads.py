import asyncio

import pytest
from httpx2 import AsyncClient
from starlette.types import Receive, Scope, Send

from contracts.products import ProductPage
from gateway.reshaping.inner import read
from mesh.core.context import Context, working_on
from mesh.core.errors import NotFound, Unavailable
from subjects import CARTS_GET, CUSTOMERS_GET, ORDERS_LIST, PRODUCTS_GET, PRODUCTS_LIST
from tests.support.gateway.resources import CHAI
from tests.support.gateway.world import World

LONG = CHAI.model_copy(update={"product_name": "x" * 600})


async def batch(http: AsyncClient, *paths: str, headers: dict[str, str] | None = None) -> list[dict[str, object]]:
    response = await http.post("/v1/batch", json={"requests": [{"path": path} for path in paths]}, headers=headers)
    assert 200 == response.status_code, response.text
    answers: list[dict[str, object]] = response.json()["responses"]
    return answers


PATHS = (
    "/v1/customers/ALFKI",
    "/v1/products?limit=1",
    "/v1/customers/alfki?fields=city",
    "/v1/nowhere",
    "/v1/customers/x",
)


async def test_each_read_is_answered_as_if_it_were_sent_alone(http: AsyncClient, user: dict[str, str]) -> None:
    answers = await batch(http, *PATHS, headers={**user, "X-Request-Id": "r1"})
    for path, answer in zip(PATHS, answers, strict=True):
        alone = await http.get(path, headers={**user, "X-Request-Id": "r1"})
        assert (alone.status_code, alone.json()) == (answer["status"], answer["body"])
        assert ({"ETag": alone.headers["etag"]} if "etag" in alone.headers else {}) == answer["headers"]


async def test_the_access_of_each_read_holds(http: AsyncClient, user: dict[str, str]) -> None:
    paths = ("/v1/products/1", "/v1/customers/ALFKI", "/v1/users")
    assert [200, 401, 401] == [one["status"] for one in await batch(http, *paths)]
    assert [200, 200, 403] == [one["status"] for one in await batch(http, *paths, headers=user)]


async def test_a_read_that_fails_fails_alone(http: AsyncClient, world: World) -> None:
    world.fails[PRODUCTS_GET] = Unavailable("database_unavailable", "no database")
    answers = await batch(http, "/v1/products/1", "/v1/products")
    assert [503, 200] == [one["status"] for one in answers]
    assert {"Retry-After": "1"} == answers[0]["headers"]


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/dashboard", "/v1/customers/ALFKI/overview"])
async def test_only_single_reads_of_json_are_in_a_batch(http: AsyncClient, user: dict[str, str], path: str) -> None:
    async with asyncio.timeout(5):
        [answer] = await batch(http, path, headers=user)
    assert answer["status"] in {405, 422}


async def test_a_stream_without_an_end_is_no_answer() -> None:
    ended = False

    async def stream(_: Scope, __: Receive, send: Send) -> None:
        nonlocal ended
        try:
            await send(
                {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]}
            )
            while True:
                await send({"type": "http.response.body", "body": b"data: x\n\n", "more_body": True})
        finally:
            ended = True

    with working_on(Context("r1", asyncio.get_running_loop().time() + 5)):
        answer = await read(stream, {"type": "http"}, "/v1/events")
    assert (422, True) == (answer.status, ended)


async def test_all_reads_have_the_time_of_one_request() -> None:
    async def hang(_: Scope, __: Receive, ___: Send) -> None:
        await asyncio.Event().wait()

    with working_on(Context("r1", asyncio.get_running_loop().time() + 0.01)):
        assert 504 == (await read(hang, {"type": "http"}, "/v1/products")).status


async def test_a_bug_is_a_500_in_its_place() -> None:
    async def fail(_: Scope, __: Receive, ___: Send) -> None:
        raise ValueError("a bug")

    with working_on(Context("r1", asyncio.get_running_loop().time() + 5)):
        assert 500 == (await read(fail, {"type": "http"}, "/v1/products")).status


async def test_a_key_of_the_batch_is_for_none_of_its_reads(http: AsyncClient) -> None:
    [answer] = await batch(http, "/v1/products/1", headers={"Idempotency-Key": "k1"})
    assert 200 == answer["status"]


@pytest.mark.parametrize(
    ("requests", "field"),
    [
        ([], "requests"),
        ([{"path": "/v1/products"}] * 51, "requests"),
        ([{"path": "http://elsewhere.example/v1/"}], "requests.0.path"),
        ([{"path": "/openapi.json"}], "requests.0.path"),
        ([{"path": "/v1/products ?"}], "requests.0.path"),
        ([{"path": "/v1/products", "method": "POST"}], "requests.0.method"),
    ],
)
async def test_a_batch_that_does_not_fit_is_422(http: AsyncClient, requests: list[object], field: str) -> None:
    response = await http.post("/v1/batch", json={"requests": requests})
    assert (422, field) == (response.status_code, response.json()["errors"][0]["field"])


async def test_the_answers_together_have_a_limit(http: AsyncClient, world: World) -> None:
    page = world.replies[PRODUCTS_LIST] = ProductPage(items=(LONG,) * 200, next_cursor=None)
    answers = await batch(http, *["/v1/products"] * 50)
    statuses = [one["status"] for one in answers]
    fit = statuses.count(200)
    assert 0 < fit * len(page.model_dump_json()) <= 4 * 1024 * 1024
    assert {200, 413} == set(statuses)
    assert len(world.asked) < 50


async def test_a_hidden_slash_is_refused_as_outside(http: AsyncClient) -> None:
    [answer] = await batch(http, "/v1/products%2F1")
    assert 400 == answer["status"]


async def test_a_dashboard_has_every_part(http: AsyncClient, user: dict[str, str]) -> None:
    response = await http.get("/v1/dashboard", headers=user)
    assert 200 == response.status_code
    assert {"orders", "shipments", "notifications", "cart", "low_stock"} == response.json().keys()
    assert [] == [name for name, part in response.json().items() if "status" in part and "reason" in part]


async def test_a_part_that_fails_is_a_problem_in_its_place(
    http: AsyncClient, world: World, user: dict[str, str]
) -> None:
    world.fails[CARTS_GET] = Unavailable("database_unavailable", "no database")
    parts = (await http.get("/v1/dashboard", headers=user)).json()
    assert (503, "database_unavailable") == (parts["cart"]["status"], parts["cart"]["reason"])
    assert "items" in parts["orders"]


async def test_an_overview_has_the_customer_and_the_orders(
    http: AsyncClient, world: World, user: dict[str, str]
) -> None:
    parts = (await http.get("/v1/customers/alfki/overview", headers=user)).json()
    assert ("ALFKI", True) == (parts["customer"]["customer_id"], "items" in parts["orders"])
    assert {"customer_id": "ALFKI", "limit": 10} in [one.sent for one in world.asked if one.endpoint is ORDERS_LIST]


async def test_the_overview_of_an_unknown_customer_is_404(
    http: AsyncClient, world: World, user: dict[str, str]
) -> None:
    world.fails[CUSTOMERS_GET] = NotFound("customer_not_found", "no such customer")
    response = await http.get("/v1/customers/ALFKI/overview", headers=user)
    assert (404, "customer_not_found") == (response.status_code, response.json()["reason"])


@pytest.mark.parametrize("path", ["/v1/dashboard", "/v1/customers/ALFKI/overview"])
async def test_both_are_for_users(http: AsyncClient, path: str) -> None:
    assert 401 == (await http.get(path)).status_code
