import pytest
from httpx2 import AsyncClient

from mesh.core.errors import Invalid, NotFound
from subjects import (
    PRODUCTS_CREATE,
    PRODUCTS_DISCONTINUE,
    PRODUCTS_GET,
    PRODUCTS_LIST,
    PRODUCTS_RESTORE,
    PRODUCTS_UPDATE,
)
from tests.support.gateway.world import World
from tests.support.http.problems import problem

CHAI = {
    "product_id": 1,
    "product_name": "Chai",
    "supplier_id": 1,
    "category_id": 1,
    "quantity_per_unit": "10 boxes x 20 bags",
    "unit_price": "18.00",
    "units_in_stock": 39,
    "units_on_order": 0,
    "reorder_level": 10,
    "discontinued": False,
    "version": 3,
    "created_at": "2026-12-01T00:00:00Z",
    "updated_at": "2026-12-01T08:30:00.250000Z",
}


async def test_anyone_may_see_the_list(http: AsyncClient, world: World) -> None:
    response = await http.get("/v1/products")
    assert (200, {"items": [CHAI], "next_cursor": None}) == (response.status_code, response.json())
    assert (PRODUCTS_LIST, {}) == (world.last.endpoint, world.last.sent)


async def test_every_filter_is_passed_on(http: AsyncClient, world: World) -> None:
    query = "category_id=1&supplier_id=2&q=ch&min_price=1.50&max_price=20&discontinued=false&low_stock=true"
    dates = {
        "created_after": "2026-12-01T00:00:00Z",
        "created_before": "2026-12-02T00:00:00.5Z",
        "updated_after": "2026-12-01T08:30:00.250000Z",
        "updated_before": "2026-12-03T23:59:59Z",
    }
    query += "".join(f"&{name}={moment}" for name, moment in dates.items())
    response = await http.get(f"/v1/products?{query}&sort=-unit_price&limit=200&cursor=abc")
    assert 200 == response.status_code
    assert {
        "category_id": 1,
        "supplier_id": 2,
        "q": "ch",
        "min_price": "1.50",
        "max_price": "20",
        "discontinued": False,
        "low_stock": True,
        "sort": "-unit_price",
        "limit": 200,
        "cursor": "abc",
        **dates,
    } == world.last.sent


async def test_a_product_has_an_etag_and_an_exact_price(http: AsyncClient, world: World) -> None:
    response = await http.get("/v1/products/1")
    assert (200, CHAI, '"3"') == (response.status_code, response.json(), response.headers["etag"])
    assert (PRODUCTS_GET, {"product_id": 1}) == (world.last.endpoint, world.last.sent)


async def test_an_unknown_product_is_404(http: AsyncClient, world: World) -> None:
    world.fails[PRODUCTS_GET] = NotFound("product_not_found", "there is no product 78")
    problem(await http.get("/v1/products/78"), 404, "product_not_found")


@pytest.mark.parametrize("product_id", ["0", "-1", "x", "1.5", "2147483648", "9223372036854775808", "9" * 5000])
async def test_an_id_out_of_bounds_is_not_found(http: AsyncClient, product_id: str) -> None:
    said = problem(await http.get(f"/v1/products/{product_id}"), 404, "product_not_found")
    assert ["product_id"] == [error.field for error in said.errors]


async def test_a_new_product_is_somewhere(http: AsyncClient, world: World, admin: dict[str, str]) -> None:
    new = {"product_name": "Chai", "unit_price": "18.00", "category_id": None}
    response = await http.post("/v1/products", json=new, headers=admin)
    assert (201, CHAI) == (response.status_code, response.json())
    assert ("/v1/products/1", '"3"') == (response.headers["location"], response.headers["etag"])
    assert (PRODUCTS_CREATE, new) == (world.last.endpoint, world.last.sent)


async def test_an_unknown_category_is_422_with_the_field(
    http: AsyncClient, world: World, admin: dict[str, str]
) -> None:
    world.fails[PRODUCTS_UPDATE] = Invalid.field("patch.category_id", "unknown_category", "unknown category")
    response = await http.patch("/v1/products/1", json={"category_id": 99}, headers={**admin, "If-Match": '"3"'})
    said = problem(response, 422, "unknown_category")
    assert ["category_id"] == [error.field for error in said.errors]


async def test_a_change_says_what_and_of_which_version(http: AsyncClient, world: World, admin: dict[str, str]) -> None:
    change = {"unit_price": "19.50", "supplier_id": None}
    response = await http.patch("/v1/products/1", json=change, headers={**admin, "If-Match": '"3"'})
    assert (200, CHAI) == (response.status_code, response.json())
    assert {"product_id": 1, "expected_version": 3, "patch": change} == world.last.sent


async def test_a_change_for_no_version_is_428(http: AsyncClient, admin: dict[str, str]) -> None:
    response = await http.patch("/v1/products/1", json={"units_in_stock": 1}, headers=admin)
    problem(response, 428, "if_match_required")


@pytest.mark.parametrize(("if_match", "expected"), [({}, None), ({"If-Match": '"3"'}, 3)])
async def test_discontinuing_may_name_a_version(
    http: AsyncClient, world: World, admin: dict[str, str], if_match: dict[str, str], expected: int | None
) -> None:
    response = await http.post("/v1/products/1/discontinue", headers={**admin, **if_match})
    assert (200, CHAI, '"3"') == (response.status_code, response.json(), response.headers["etag"])
    assert PRODUCTS_DISCONTINUE is world.last.endpoint
    assert {"product_id": 1, "expected_version": expected} == world.last.sent


@pytest.mark.parametrize(("if_match", "expected"), [({}, None), ({"If-Match": '"3"'}, 3)])
async def test_restoring_may_name_a_version(
    http: AsyncClient, world: World, admin: dict[str, str], if_match: dict[str, str], expected: int | None
) -> None:
    response = await http.post("/v1/products/1/restore", headers={**admin, **if_match})
    assert (200, CHAI, '"3"') == (response.status_code, response.json(), response.headers["etag"])
    assert (PRODUCTS_RESTORE, {"product_id": 1, "expected_version": expected}) == (
        world.last.endpoint,
        world.last.sent,
    )
