"""A cart over HTTP, up to the order that it becomes."""

import asyncio

import pytest
from httpx2 import AsyncClient, Response

from tests.support.contract.givens import MARK
from tests.support.http.people import bearer, log_in, register
from tests.support.http.problems import problem

Headers = dict[str, str]


@pytest.fixture
async def user(http: AsyncClient) -> Headers:
    """The headers of a user who has no cart."""
    return bearer(await log_in(http, *await register(http)))


@pytest.fixture
async def product(http: AsyncClient, admin: Headers) -> str:
    """The path of a product at 1.50, of which there are ten units."""
    new = {"product_name": MARK, "unit_price": "1.50", "units_in_stock": 10}
    path: str = (await http.post("/v1/products", json=new, headers=admin)).headers["location"]
    return path


async def put(http: AsyncClient, user: Headers, product: str, quantity: int) -> Response:
    item = f"/v1/cart/items/{product.rpartition('/')[2]}"
    response = await http.put(item, json={"quantity": quantity}, headers=user)
    assert 200 == response.status_code, response.text
    return response


async def test_a_cart_is_filled_ordered_and_empty(http: AsyncClient, user: Headers, product: str) -> None:
    assert ([], 1) == ((cart := (await http.get("/v1/cart", headers=user)).json())["items"], cart["version"])
    filled = await put(http, user, product, 2)
    assert ("3.00", filled.headers["etag"]) == (
        filled.json()["total"],
        (await http.get("/v1/cart", headers=user)).headers["etag"],
    )

    placed = await http.post("/v1/cart/checkout", headers={**user, "If-Match": filled.headers["etag"]})

    assert 202 == placed.status_code, placed.text
    assert ("placed", "3.00") == (placed.json()["status"], placed.json()["total"])
    assert [] == (await http.get("/v1/cart", headers=user)).json()["items"]
    while (await http.get(placed.headers["location"], headers=user)).json()["status"] != "confirmed":
        await asyncio.sleep(0.01)


async def test_many_clicks_make_one_order(http: AsyncClient, user: Headers, product: str) -> None:
    await put(http, user, product, 1)

    clicks = await asyncio.gather(*(http.post("/v1/cart/checkout", headers=user) for _ in range(5)))

    assert [202] * 5 == [click.status_code for click in clicks]
    orders = (await http.get("/v1/orders", headers=user)).json()["items"]
    assert {click.json()["order_id"] for click in clicks} == {order["order_id"] for order in orders}
    assert 1 == len(orders)


async def test_a_known_cart_is_not_sent_again_until_a_price_changes(
    http: AsyncClient, user: Headers, admin: Headers, product: str
) -> None:
    known = {**user, "If-None-Match": (await put(http, user, product, 2)).headers["etag"]}
    assert 304 == (await http.get("/v1/cart", headers=known)).status_code

    await http.patch(product, json={"unit_price": "2.00"}, headers={**admin, "If-Match": '"1"'})
    dearer = await http.get("/v1/cart", headers=known)

    [item] = dearer.json()["items"]
    assert (200, "4.00", ["unit_price"]) == (dearer.status_code, dearer.json()["total"], item["changes"])
    assert ("2.00", "1.50") == (item["unit_price"], item["was"]["unit_price"])


async def test_a_change_of_an_older_cart_is_412(http: AsyncClient, user: Headers, product: str) -> None:
    old = {**user, "If-Match": (await put(http, user, product, 1)).headers["etag"]}
    cart = (await put(http, user, product, 2)).json()

    problem(await http.delete("/v1/cart", headers=old), 412, "version_mismatch")
    problem(await http.post("/v1/cart/checkout", headers=old), 412, "version_mismatch")
    assert cart == (await http.get("/v1/cart", headers=user)).json()


async def test_nobody_sees_the_cart_of_another(http: AsyncClient, user: Headers, admin: Headers, product: str) -> None:
    cart = (await put(http, user, product, 1)).json()

    for other in (admin, bearer(await log_in(http, *await register(http)))):
        assert [] == (await http.delete("/v1/cart", headers=other)).json()["items"]
        assert [] == (await http.get("/v1/cart", headers=other)).json()["items"]
    assert cart == (await http.get("/v1/cart", headers=user)).json()


async def test_what_cannot_be_bought_is_refused(http: AsyncClient, user: Headers, admin: Headers, product: str) -> None:
    await http.post(f"{product}/discontinue", headers=admin)
    item = f"/v1/cart/items/{product.rpartition('/')[2]}"

    problem(await http.put(item, json={"quantity": 1}, headers=user), 422, "product_discontinued")
    unknown = await http.put(f"/v1/cart/items/{2**31 - 1}", json={"quantity": 1}, headers=user)
    problem(unknown, 422, "unknown_product")
    problem(await http.post("/v1/cart/checkout", headers=user), 409, "cart_empty")
