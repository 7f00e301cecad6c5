import pytest
from httpx2 import AsyncClient

from mesh.core.errors import Conflict
from subjects import PRODUCTS_BULK_CHANGE, PRODUCTS_PRICES_LIST
from tests.support.contract import golden
from tests.support.gateway.world import World
from tests.support.http.problems import problem

PATH = "/v1/prices/bulk_change"
TEN_PERCENT = {"category_id": 1, "supplier_id": 2, "by": "percent", "change": "-10", "dry_run": True, "at_most": 12}


async def test_prices_come_page_by_page(http: AsyncClient, world: World, admin: dict[str, str]) -> None:
    response = await http.get("/v1/products/1/prices?limit=1&cursor=abc", headers=admin)
    assert golden.sample(PRODUCTS_PRICES_LIST.subject) == response.json()
    sent = {"product_id": 1, "limit": 1, "cursor": "abc"}
    assert (PRODUCTS_PRICES_LIST, sent) == (world.last.endpoint, world.last.sent)


async def test_many_prices_are_changed(http: AsyncClient, world: World, admin: dict[str, str]) -> None:
    response = await http.post(PATH, json=TEN_PERCENT, headers=admin)
    assert (200, golden.sample(PRODUCTS_BULK_CHANGE.subject)) == (response.status_code, response.json())
    assert (PRODUCTS_BULK_CHANGE, TEN_PERCENT) == (world.last.endpoint, world.last.sent)


@pytest.mark.parametrize(
    ("field", "value"), [("by", "cent"), ("change", "1.001"), ("change", 10), ("dry_run", "yes"), ("at_most", 1001)]
)
async def test_a_wrong_field_is_named(http: AsyncClient, admin: dict[str, str], field: str, value: object) -> None:
    response = await http.post(PATH, json={**TEN_PERCENT, field: value}, headers=admin)
    assert [field] == [error.field for error in problem(response, 422, "invalid_payload").errors]


async def test_too_many_products_are_409(http: AsyncClient, world: World, admin: dict[str, str]) -> None:
    world.fails[PRODUCTS_BULK_CHANGE] = Conflict("too_many_products", "more than 12 products match")
    problem(await http.post(PATH, json=TEN_PERCENT, headers=admin), 409, "too_many_products")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_only_an_administrator_sees_or_changes_prices(
    http: AsyncClient, user: dict[str, str], method: str
) -> None:
    path = PATH if method == "POST" else "/v1/products/1/prices"
    problem(await http.request(method, path, json=TEN_PERCENT, headers=user), 403, "role_required")
