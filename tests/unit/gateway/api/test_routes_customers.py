import pytest
from httpx2 import AsyncClient

from gateway.api.customers.schemas import CustomerQuery
from mesh.core.errors import Conflict, NotFound
from subjects import (
    CUSTOMERS_ARCHIVE,
    CUSTOMERS_CREATE,
    CUSTOMERS_GET,
    CUSTOMERS_HISTORY,
    CUSTOMERS_LIST,
    CUSTOMERS_RESTORE,
    CUSTOMERS_UPDATE,
)
from tests.support.gateway.world import World
from tests.support.http.problems import problem

ALFKI = {
    "customer_id": "ALFKI",
    "company_name": "Alfreds Futterkiste",
    "contact_name": "Maria Anders",
    "contact_title": "Sales Representative",
    "address": "Obere Str. 57",
    "city": "Berlin",
    "region": None,
    "postal_code": "12209",
    "country": "Germany",
    "phone": "030-0074321",
    "fax": "030-0076545",
    "version": 3,
    "created_at": "2026-12-01T00:00:00Z",
    "updated_at": "2026-12-01T08:30:00.250000Z",
}
LISTED = {**ALFKI, "archived_at": None}


async def test_the_list_comes_in_pages(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    response = await http.get("/v1/customers", headers=user)
    assert (200, {"items": [LISTED], "next_cursor": "bmV4dA"}) == (response.status_code, response.json())
    assert (CUSTOMERS_LIST, {}) == (world.last.endpoint, world.last.sent)


async def test_every_filter_is_passed_on(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    query = {
        "country": "Germany",
        "city": "Berlin",
        "region": "B",
        "q": "ü",
        "sort": "-city",
        "cursor": "bmV4dA",
        "archived": "only",
        "created_after": "2026-12-01T00:00:00Z",
        "created_before": "2026-12-02T00:00:00.5Z",
        "updated_after": "2026-12-01T08:30:00.250000Z",
        "updated_before": "2026-12-03T23:59:59Z",
    }
    response = await http.get("/v1/customers", params={**query, "limit": "7"}, headers=user)
    assert 200 == response.status_code
    assert {**query, "limit": 7} == world.last.sent


@pytest.mark.parametrize("name", ["country", "city", "region"])
async def test_null_asks_for_customers_without_one(
    http: AsyncClient, world: World, user: dict[str, str], name: str
) -> None:
    assert 200 == (await http.get("/v1/customers", params={name: "null"}, headers=user)).status_code
    assert {name: None} == world.last.sent


@pytest.mark.parametrize("name", CustomerQuery.model_fields)
async def test_an_empty_field_of_a_form_is_not_set(
    http: AsyncClient, world: World, user: dict[str, str], name: str
) -> None:
    params = {"city": "Berlin", "country": "Germany", name: ""}
    assert 200 == (await http.get("/v1/customers", params=params, headers=user)).status_code
    assert {key: value for key, value in params.items() if value} == world.last.sent


async def test_a_customer_has_an_etag(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    response = await http.get("/v1/customers/ALFKI", headers=user)
    assert (200, ALFKI, '"3"') == (response.status_code, response.json(), response.headers["etag"])
    assert (CUSTOMERS_GET, {"customer_id": "ALFKI"}) == (world.last.endpoint, world.last.sent)


async def test_an_unknown_customer_is_404(http: AsyncClient, world: World, user: dict[str, str]) -> None:
    world.fails[CUSTOMERS_GET] = NotFound("customer_not_found", "there is no customer ALFKJ")
    said = problem(await http.get("/v1/customers/ALFKJ", headers=user), 404, "customer_not_found")
    assert "there is no customer ALFKJ" == said.detail


async def test_a_new_customer_is_somewhere(http: AsyncClient, world: World, admin: dict[str, str]) -> None:
    new = {"customer_id": "ALFKI", "company_name": "Alfreds Futterkiste", "city": None}
    response = await http.post("/v1/customers", json=new, headers=admin)
    assert (201, ALFKI) == (response.status_code, response.json())
    assert ("/v1/customers/ALFKI", '"3"') == (response.headers["location"], response.headers["etag"])
    assert (CUSTOMERS_CREATE, new, admin["Authorization"]) == (
        world.last.endpoint,
        world.last.sent,
        world.last.authorization,
    )


async def test_a_key_that_exists_is_409(http: AsyncClient, world: World, admin: dict[str, str]) -> None:
    world.fails[CUSTOMERS_CREATE] = Conflict("customer_exists", "there is a customer ALFKI")
    new = {"customer_id": "ALFKI", "company_name": "Alfreds Futterkiste"}
    problem(await http.post("/v1/customers", json=new, headers=admin), 409, "customer_exists")


async def test_a_change_says_what_and_of_which_version(http: AsyncClient, world: World, admin: dict[str, str]) -> None:
    change = {"city": "Potsdam", "fax": None}
    response = await http.patch("/v1/customers/ALFKI", json=change, headers={**admin, "If-Match": '"3"'})
    assert (200, ALFKI, '"3"') == (response.status_code, response.json(), response.headers["etag"])
    assert CUSTOMERS_UPDATE is world.last.endpoint
    assert {"customer_id": "ALFKI", "expected_version": 3, "patch": change} == world.last.sent


async def test_a_change_of_nothing_is_refused(http: AsyncClient, admin: dict[str, str]) -> None:
    response = await http.patch("/v1/customers/ALFKI", json={}, headers={**admin, "If-Match": '"3"'})
    problem(response, 422, "invalid_payload")


async def test_a_change_for_no_version_is_428(http: AsyncClient, world: World, admin: dict[str, str]) -> None:
    response = await http.patch("/v1/customers/ALFKI", json={"city": "Potsdam"}, headers=admin)
    said = problem(response, 428, "if_match_required")
    assert "invalid_argument" == said.code
    assert CUSTOMERS_UPDATE not in {seen.endpoint for seen in world.seen}


async def test_a_change_of_another_version_is_412(http: AsyncClient, world: World, admin: dict[str, str]) -> None:
    world.fails[CUSTOMERS_UPDATE] = Conflict("version_mismatch", "the customer is in version 4")
    response = await http.patch("/v1/customers/ALFKI", json={"city": "Potsdam"}, headers={**admin, "If-Match": '"3"'})
    said = problem(response, 412, "version_mismatch")
    assert "conflict" == said.code


@pytest.mark.parametrize(("if_match", "expected"), [(None, None), ("*", None), ('"3"', 3)])
async def test_archiving_may_name_a_version(
    http: AsyncClient, world: World, admin: dict[str, str], if_match: str | None, expected: int | None
) -> None:
    headers = admin if if_match is None else {**admin, "If-Match": if_match}
    response = await http.delete("/v1/customers/ALFKI", headers=headers)
    assert (204, b"") == (response.status_code, response.content)
    assert CUSTOMERS_ARCHIVE is world.last.endpoint
    assert {"customer_id": "ALFKI", "expected_version": expected} == world.last.sent


@pytest.mark.parametrize(("if_match", "expected"), [(None, None), ("*", None), ('"3"', 3)])
async def test_restoring_may_name_a_version(
    http: AsyncClient, world: World, admin: dict[str, str], if_match: str | None, expected: int | None
) -> None:
    headers = admin if if_match is None else {**admin, "If-Match": if_match}
    response = await http.post("/v1/customers/alfki/restore", headers=headers)
    assert (200, ALFKI, '"3"') == (response.status_code, response.json(), response.headers["etag"])
    assert CUSTOMERS_RESTORE is world.last.endpoint
    assert {"customer_id": "ALFKI", "expected_version": expected} == world.last.sent


async def test_the_history_is_for_administrators(
    http: AsyncClient, world: World, admin: dict[str, str], user: dict[str, str]
) -> None:
    path = "/v1/customers/alfki/history?limit=40"
    problem(await http.get(path, headers=user), 403, "role_required")
    shown = (await http.get(path, headers=admin)).json()
    assert (CUSTOMERS_HISTORY, {"customer_id": "ALFKI", "limit": 40}) == (world.last.endpoint, world.last.sent)
    assert [{"field": "city", "before": "Bonn", "after": None}] == shown["items"][0]["changed"]


@pytest.mark.parametrize("customer_id", ["alfki", "Alfki", "ALFKI", "%61lfki"])
async def test_a_key_is_read_in_any_case(
    http: AsyncClient, world: World, user: dict[str, str], customer_id: str
) -> None:
    assert ALFKI == (await http.get(f"/v1/customers/{customer_id}", headers=user)).json()
    assert {"customer_id": "ALFKI"} == world.last.sent


@pytest.mark.parametrize("customer_id", ["ALFK", "ALFKIS", "ALFK1", "ÄLFKI", "alfß", "alf\u0131k"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_key_that_cannot_exist_is_not_found(
    http: AsyncClient, admin: dict[str, str], method: str, customer_id: str
) -> None:
    response = await http.request(method, f"/v1/customers/{customer_id}", headers=admin)
    said = problem(response, 404, "customer_not_found")
    assert ["customer_id"] == [error.field for error in said.errors]
