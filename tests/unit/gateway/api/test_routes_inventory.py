from typing import Any

import pytest
from httpx2 import AsyncClient

from mesh.core.endpoint import Endpoint
from subjects import PRODUCTS_CATEGORIES_STATISTICS, PRODUCTS_INVENTORY_GET, PRODUCTS_REORDER_LIST
from tests.support.contract import golden
from tests.support.gateway.world import World
from tests.support.http.problems import problem

REPORTS: dict[str, tuple[Endpoint[Any, Any], str, dict[str, object]]] = {
    "/v1/products/inventory": (PRODUCTS_INVENTORY_GET, "", {}),
    "/v1/products/reorder": (
        PRODUCTS_REORDER_LIST,
        "?supplier_id=13&limit=1&cursor=abc",
        {"supplier_id": 13, "limit": 1, "cursor": "abc"},
    ),
    "/v1/categories/statistics": (
        PRODUCTS_CATEGORIES_STATISTICS,
        "?limit=1&cursor=abc",
        {"limit": 1, "cursor": "abc"},
    ),
}


@pytest.mark.parametrize("path", REPORTS)
async def test_an_administrator_sees_the_numbers(
    http: AsyncClient, world: World, admin: dict[str, str], path: str
) -> None:
    endpoint, query, sent = REPORTS[path]
    response = await http.get(path + query, headers=admin)
    assert (200, golden.sample(endpoint.subject)) == (response.status_code, response.json())
    assert (endpoint, sent) == (world.last.endpoint, world.last.sent)


@pytest.mark.parametrize("path", REPORTS)
async def test_a_user_does_not_see_the_numbers(http: AsyncClient, user: dict[str, str], path: str) -> None:
    problem(await http.get(path, headers=user), 403, "role_required")
