from typing import Any

import pytest
from httpx2 import AsyncClient

from mesh.core.endpoint import Endpoint
from mesh.core.errors import Conflict, FieldError, Invalid, NotFound
from subjects import ORDERS_CANCEL, ORDERS_GET, ORDERS_HISTORY, ORDERS_LIST, ORDERS_PLACE
from tests.support.contract import golden
from tests.support.gateway.world import World
from tests.support.http.problems import problem

ORDERS = {
    name: golden.sample(ORDERS_LIST.subject)[name] for name in ("items", "next_cursor")
}  # the total is in headers


def order(endpoint: Endpoint[Any, Any]) -> Any:  # noqa: ANN401  # any JSON
    """The order that the endpoint replies in these tests, in its third version."""
    return golden.sample(endpoint.subject) | {"version": 3}


async def test_an_order_is_placed_and_can_be_found(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    new = {"lines": [{"product_id": 1, "quantity": 2}]}
    response = await http.post("/v1/orders", json=new, headers=user)
    assert (202, order(ORDERS_PLACE)) == (response.status_code, response.json())
    assert ("/v1/orders/1", '"3"') == (response.headers["location"], response.headers["etag"])
    assert (ORDERS_PLACE, new) == (world.last.endpoint, world.last.sent)


async def test_what_is_wrong_with_a_line_is_named_by_its_place(
    http: AsyncClient, world: World, user: dict[str, str]
) -> None:
    wrong = FieldError(field="lines.1.product_id", reason="unknown_product", message="there is no such product")
    world.fails[ORDERS_PLACE] = Invalid("unknown_product", "lines.1.product_id: there is no such product", [wrong])
    new = {"lines": [{"product_id": 1, "quantity": 2}, {"product_id": 78, "quantity": 1}]}
    said = problem(await http.post("/v1/orders", json=new, headers=user), 422, "unknown_product")
    assert [wrong] == [*said.errors]


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("lines", {}),
        ("lines", {"lines": []}),
        ("lines", {"lines": [{"product_id": 1, "quantity": 1}] * 101}),
        ("lines.0.quantity", {"lines": [{"product_id": 1, "quantity": 0}]}),
        ("lines.0.quantity", {"lines": [{"product_id": 1, "quantity": 1000}]}),
        ("lines.0.quantity", {"lines": [{"product_id": 1, "quantity": True}]}),
        ("lines.0.product_id", {"lines": [{"product_id": "1", "quantity": 1}]}),
        ("lines.0.unit_price", {"lines": [{"product_id": 1, "quantity": 1, "unit_price": "0.01"}]}),
        ("customer_id", {"lines": [{"product_id": 1, "quantity": 1}], "customer_id": "alfki"}),
        ("user_id", {"lines": [{"product_id": 1, "quantity": 1}], "user_id": "u2"}),
    ],
)
async def test_what_is_no_order_is_422(
    http: AsyncClient, world: World, user: dict[str, str], field: str, body: object
) -> None:
    said = problem(await http.post("/v1/orders", json=body, headers=user), 422, "invalid_payload")
    assert [field] == [error.field for error in said.errors]
    assert [] == world.asked


async def test_an_order_has_an_etag(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    response = await http.get("/v1/orders/11078", headers=user)
    assert (200, order(ORDERS_GET), '"3"') == (response.status_code, response.json(), response.headers["etag"])
    assert (ORDERS_GET, {"order_id": 11078}) == (world.last.endpoint, world.last.sent)
    assert 304 == (await http.get("/v1/orders/11078", headers={**user, "If-None-Match": '"3"'})).status_code


async def test_an_order_of_somebody_else_is_404(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    world.fails[ORDERS_GET] = NotFound("order_not_found", "there is no order 1")
    problem(await http.get("/v1/orders/1", headers=user), 404, "order_not_found")


async def test_every_filter_is_passed_on(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    query = f"status=placed&customer_id=ALFKI&user_id={'0' * 32}&placed_from=2026-07-01&placed_until=2026-07-31"
    moments = {
        "placed_after": "2026-12-01T00:00:00Z",
        "placed_before": "2026-12-02T00:00:00.5Z",
        "updated_after": "2026-12-01T08:30:00.250000Z",
        "updated_before": "2026-12-03T23:59:59Z",
    }
    query += "".join(f"&{name}={moment}" for name, moment in moments.items())
    response = await http.get(f"/v1/orders?{query}&sort=order_id&limit=200&cursor=abc", headers=user)
    assert ORDERS == response.json()
    assert (
        ORDERS_LIST,
        {
            "status": "placed",
            "customer_id": "ALFKI",
            "user_id": "0" * 32,
            "placed_from": "2026-07-01",
            "placed_until": "2026-07-31",
            **moments,
            "sort": "order_id",
            "limit": 200,
            "cursor": "abc",
        },
    ) == (world.last.endpoint, world.last.sent)


@pytest.mark.parametrize("day", ["yesterday", "0", "1751328000", "2026-07-01T00:00:00", "2026-02-30", "20260701"])
async def test_what_is_no_day_is_422(http: AsyncClient, user: dict[str, str], day: str) -> None:
    said = problem(await http.get(f"/v1/orders?placed_from={day}", headers=user), 422, "invalid_request")
    assert ["placed_from"] == [error.field for error in said.errors]


async def test_a_customers_orders_are_a_list_of_orders(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    response = await http.get("/v1/customers/ALFKI/orders?status=delivered", headers=user)
    assert ORDERS == response.json()
    assert (ORDERS_LIST, {"customer_id": "ALFKI", "status": "delivered"}) == (world.last.endpoint, world.last.sent)
    problem(await http.get("/v1/customers/ALFKI/orders?customer_id=BONAP", headers=user), 422, "invalid_request")


@pytest.mark.parametrize(("headers", "expected"), [({}, None), ({"If-Match": '"3"'}, 3)])
async def test_an_order_is_cancelled_in_the_version_that_is_meant(
    http: AsyncClient, world: World, user: dict[str, str], headers: dict[str, str], expected: int | None
) -> None:
    response = await http.post("/v1/orders/11078/cancel", headers={**user, **headers})
    assert (200, order(ORDERS_CANCEL)) == (response.status_code, response.json())
    assert (ORDERS_CANCEL, {"order_id": 11078, "expected_version": expected}) == (world.last.endpoint, world.last.sent)


async def test_an_order_that_has_left_is_409(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    world.fails[ORDERS_CANCEL] = Conflict("order_not_cancellable", "order 11078 is dispatched")
    problem(await http.post("/v1/orders/11078/cancel", headers=user), 409, "order_not_cancellable")


async def test_a_history_has_its_steps(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    response = await http.get("/v1/orders/11078/history", headers=user)
    assert golden.sample(ORDERS_HISTORY.subject) == response.json()
    assert (ORDERS_HISTORY, {"order_id": 11078}) == (world.last.endpoint, world.last.sent)
