from typing import Any

import pytest
from httpx2 import AsyncClient

from mesh.core.errors import Conflict
from subjects import CARTS_CHECKOUT, CARTS_CLEAR, CARTS_GET, CARTS_PUT_ITEM, CARTS_REMOVE_ITEM
from tests.support.contract import golden
from tests.support.gateway.world import REPLIES, World
from tests.support.http.problems import problem


def shown(subject: str) -> Any:  # noqa: ANN401  # any JSON
    """What the endpoint replies in these tests, in its third version."""
    return golden.sample(subject) | {"version": 3}


async def test_a_cart_has_items_and_an_etag(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    response = await http.get("/v1/cart", headers=user)

    assert (200, shown("carts.get")) == (response.status_code, response.json())
    assert response.headers["etag"].startswith('"3-')
    assert (CARTS_GET, {}) == (world.last.endpoint, world.last.sent)


async def test_an_etag_changes_with_a_price(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    known = {**user, "If-None-Match": (await http.get("/v1/cart", headers=user)).headers["etag"]}
    assert 304 == (await http.get("/v1/cart", headers=known)).status_code

    world.replies[CARTS_GET] = REPLIES[CARTS_GET].model_copy(update={"total": "0.01"})

    assert 200 == (await http.get("/v1/cart", headers=known)).status_code


async def test_an_item_is_put(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    response = await http.put("/v1/cart/items/1", json={"quantity": 2}, headers=user)

    assert (200, shown("carts.put_item")) == (response.status_code, response.json())
    assert (CARTS_PUT_ITEM, {"product_id": 1, "quantity": 2, "expected_version": None}) == (
        world.last.endpoint,
        world.last.sent,
    )


async def test_an_item_is_removed(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    response = await http.delete("/v1/cart/items/1", headers=user)

    assert (200, shown("carts.remove_item")) == (response.status_code, response.json())
    assert (CARTS_REMOVE_ITEM, {"product_id": 1, "expected_version": None}) == (world.last.endpoint, world.last.sent)


async def test_a_cart_is_emptied(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    response = await http.delete("/v1/cart", headers=user)

    assert (200, shown("carts.clear")) == (response.status_code, response.json())
    assert (CARTS_CLEAR, {"expected_version": None}) == (world.last.endpoint, world.last.sent)


async def test_a_checkout_answers_with_the_order(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    response = await http.post("/v1/cart/checkout", headers=user)

    assert (202, shown("carts.checkout")) == (response.status_code, response.json())
    assert ("/v1/orders/1", '"3"') == (response.headers["location"], response.headers["etag"])
    assert (CARTS_CHECKOUT, {"expected_version": None}) == (world.last.endpoint, world.last.sent)


async def test_a_change_may_name_a_version(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    expecting = {**user, "If-Match": (await http.get("/v1/cart", headers=user)).headers["etag"]}

    await http.put("/v1/cart/items/1", json={"quantity": 2}, headers=expecting)
    await http.delete("/v1/cart/items/1", headers=expecting)
    await http.delete("/v1/cart", headers=expecting)
    await http.post("/v1/cart/checkout", headers=expecting)

    changes = {seen.endpoint: seen.sent["expected_version"] for seen in world.asked if seen.endpoint is not CARTS_GET}
    assert dict.fromkeys((CARTS_PUT_ITEM, CARTS_REMOVE_ITEM, CARTS_CLEAR, CARTS_CHECKOUT), 3) == changes


async def test_a_change_of_another_version_is_412(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    world.fails[CARTS_PUT_ITEM] = Conflict("version_mismatch", "the cart has version 4, not 3")
    put = await http.put("/v1/cart/items/1", json={"quantity": 2}, headers={**user, "If-Match": '"3"'})
    problem(put, 412, "version_mismatch")


@pytest.mark.parametrize("body", [{}, {"quantity": 0}, {"quantity": 1000}, {"quantity": "2"}, {"quantity": True}])
async def test_what_is_no_quantity_is_422(
    http: AsyncClient, world: World, user: dict[str, str], body: dict[str, object]
) -> None:
    said = problem(await http.put("/v1/cart/items/1", json=body, headers=user), 422, "invalid_payload")
    assert ["quantity"] == [error.field for error in said.errors]
    assert [] == world.asked


@pytest.mark.parametrize("product_id", ["0", "1.0", "chai", "2147483648"])
async def test_what_is_no_product_id_is_not_found(http: AsyncClient, user: dict[str, str], product_id: str) -> None:
    response = await http.put(f"/v1/cart/items/{product_id}", json={"quantity": 1}, headers=user)
    problem(response, 404, "unknown_path")


async def test_a_cart_is_for_users(http: AsyncClient) -> None:
    problem(await http.get("/v1/cart"), 401, "token_required")
