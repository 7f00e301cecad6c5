from typing import Any, NamedTuple

import pytest
from httpx2 import AsyncClient

from mesh.core.endpoint import Endpoint
from mesh.core.errors import NotFound
from subjects import (
    PRODUCTS_CATEGORIES_CREATE,
    PRODUCTS_CATEGORIES_GET,
    PRODUCTS_CATEGORIES_LIST,
    PRODUCTS_CATEGORIES_UPDATE,
    PRODUCTS_SUPPLIERS_CREATE,
    PRODUCTS_SUPPLIERS_GET,
    PRODUCTS_SUPPLIERS_LIST,
    PRODUCTS_SUPPLIERS_UPDATE,
)
from tests.support.contract import golden
from tests.support.gateway.resources import BEVERAGES, EXOTIC_LIQUIDS
from tests.support.gateway.world import World
from tests.support.http.problems import problem


class Kind(NamedTuple):
    """What a test needs to know of categories or suppliers."""

    path: str
    key: str
    row: dict[str, Any]
    new: dict[str, Any]
    change: dict[str, Any]
    list: Endpoint[Any, Any]
    get: Endpoint[Any, Any]
    create: Endpoint[Any, Any]
    update: Endpoint[Any, Any]


CATEGORIES = Kind(
    "/v1/categories",
    "category_id",
    BEVERAGES.model_dump(mode="json"),
    {"category_name": "Beverages", "description": None},
    {"description": None},
    PRODUCTS_CATEGORIES_LIST,
    PRODUCTS_CATEGORIES_GET,
    PRODUCTS_CATEGORIES_CREATE,
    PRODUCTS_CATEGORIES_UPDATE,
)
SUPPLIERS = Kind(
    "/v1/suppliers",
    "supplier_id",
    EXOTIC_LIQUIDS.model_dump(mode="json"),
    {"company_name": "Exotic Liquids", "homepage": "#CAJUN.HTM#"},
    {"city": "Bristol", "fax": None},
    PRODUCTS_SUPPLIERS_LIST,
    PRODUCTS_SUPPLIERS_GET,
    PRODUCTS_SUPPLIERS_CREATE,
    PRODUCTS_SUPPLIERS_UPDATE,
)


def third_version(endpoint: Endpoint[Any, Any]) -> dict[str, Any]:
    """The row of the golden file, in the version that `World` shows."""
    return {**golden.sample(endpoint.subject), "version": 3}


both = pytest.mark.parametrize("kind", [CATEGORIES, SUPPLIERS], ids=lambda kind: kind.path)


@both
async def test_a_list_comes_page_by_page(http: AsyncClient, world: World, user: dict[str, str], kind: Kind) -> None:
    response = await http.get(f"{kind.path}?limit=3&cursor=abc", headers=user)
    assert (200, {"items": [kind.row], "next_cursor": None}) == (response.status_code, response.json())
    assert (kind.list, {"limit": 3, "cursor": "abc"}) == (world.last.endpoint, world.last.sent)


async def test_anyone_may_see_the_categories(http: AsyncClient) -> None:
    for path in (CATEGORIES.path, f"{CATEGORIES.path}/1"):
        assert 200 == (await http.get(path)).status_code


@both
async def test_one_has_an_etag(http: AsyncClient, world: World, user: dict[str, str], kind: Kind) -> None:
    response = await http.get(f"{kind.path}/1", headers=user)
    assert (200, kind.row, '"3"') == (response.status_code, response.json(), response.headers["etag"])
    assert (kind.get, {kind.key: 1}) == (world.last.endpoint, world.last.sent)


@both
async def test_an_unknown_one_is_404(http: AsyncClient, world: World, user: dict[str, str], kind: Kind) -> None:
    reason = kind.key.replace("_id", "_not_found")
    world.fails[kind.get] = NotFound(reason, "there is none")
    problem(await http.get(f"{kind.path}/78", headers=user), 404, reason)


@both
async def test_a_new_one_is_somewhere(http: AsyncClient, world: World, admin: dict[str, str], kind: Kind) -> None:
    response = await http.post(kind.path, json=kind.new, headers=admin)
    assert (201, third_version(kind.create)) == (response.status_code, response.json())
    assert (f"{kind.path}/1", '"3"') == (response.headers["location"], response.headers["etag"])
    assert (kind.create, kind.new) == (world.last.endpoint, world.last.sent)


@both
async def test_a_change_says_what_and_of_which_version(
    http: AsyncClient, world: World, admin: dict[str, str], kind: Kind
) -> None:
    response = await http.patch(f"{kind.path}/1", json=kind.change, headers={**admin, "If-Match": '"3"'})
    assert (200, third_version(kind.update), '"3"') == (response.status_code, response.json(), response.headers["etag"])
    sent = {kind.key: 1, "expected_version": 3, "patch": kind.change}
    assert (kind.update, sent) == (world.last.endpoint, world.last.sent)


@both
async def test_a_change_for_no_version_is_428(http: AsyncClient, admin: dict[str, str], kind: Kind) -> None:
    problem(await http.patch(f"{kind.path}/1", json=kind.change, headers=admin), 428, "if_match_required")


@both
async def test_only_an_administrator_changes_one(http: AsyncClient, user: dict[str, str], kind: Kind) -> None:
    problem(await http.post(kind.path, json=kind.new, headers=user), 403, "role_required")
