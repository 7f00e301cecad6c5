from typing import Any

import pytest
from httpx2 import AsyncClient

from mesh.core.endpoint import Endpoint
from mesh.core.errors import Conflict
from subjects import (
    PRODUCTS_STOCK_ADJUST,
    PRODUCTS_STOCK_GET,
    PRODUCTS_STOCK_MOVEMENTS,
    PRODUCTS_STOCK_RECEIVE,
)
from tests.support.contract import golden
from tests.support.gateway.world import World
from tests.support.http.problems import problem

STOCK = golden.sample(PRODUCTS_STOCK_GET.subject)


async def test_anyone_may_see_what_is_in_stock(http: AsyncClient, world: World) -> None:
    response = await http.get("/v1/products/1/stock")
    assert (200, STOCK) == (response.status_code, response.json())
    assert (PRODUCTS_STOCK_GET, {"product_id": 1}) == (world.last.endpoint, world.last.sent)


async def test_movements_come_page_by_page(http: AsyncClient, world: World, admin: dict[str, str]) -> None:
    response = await http.get("/v1/products/1/stock/movements?limit=1&cursor=abc", headers=admin)
    assert golden.sample(PRODUCTS_STOCK_MOVEMENTS.subject) == response.json()
    sent = {"product_id": 1, "limit": 1, "cursor": "abc"}
    assert (PRODUCTS_STOCK_MOVEMENTS, sent) == (world.last.endpoint, world.last.sent)


CHANGES: dict[str, tuple[Endpoint[Any, Any], dict[str, object]]] = {
    "receive": (PRODUCTS_STOCK_RECEIVE, {"quantity": 24, "reason": "delivery note 4711"}),
    "adjust": (PRODUCTS_STOCK_ADJUST, {"change": -3, "reason": "broken"}),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_stock_is_changed_with_a_reason(
    http: AsyncClient, world: World, admin: dict[str, str], change: str
) -> None:
    endpoint, body = CHANGES[change]
    path = f"/v1/products/1/stock/{change}"
    response = await http.post(path, json=body, headers=admin)
    assert (200, golden.sample(endpoint.subject)) == (response.status_code, response.json())
    assert (endpoint, {"product_id": 1, **body}) == (world.last.endpoint, world.last.sent)

    without = {name: value for name, value in body.items() if name != "reason"}
    said = problem(await http.post(path, json=without, headers=admin), 422, "invalid_payload")
    assert ["reason"] == [error.field for error in said.errors]


async def test_what_is_reserved_cannot_be_adjusted_away(http: AsyncClient, world: World, admin: dict[str, str]) -> None:
    world.fails[PRODUCTS_STOCK_ADJUST] = Conflict("stock_out_of_range", "product 1 must keep 2 units")
    body = {"change": -38, "reason": "lost"}
    problem(await http.post("/v1/products/1/stock/adjust", json=body, headers=admin), 409, "stock_out_of_range")
