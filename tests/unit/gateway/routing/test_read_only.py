"""A client may send back what it has read: read-only fields that did not change are no error."""

import json
from typing import Any, Final

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient

from contracts.customers import CustomerPatch
from contracts.products import ProductPatch
from contracts.products_categories import CategoryPatch
from contracts.products_suppliers import SupplierPatch
from gateway.api.customers.schemas import CustomerReplacement
from gateway.api.products.categories_schemas import CategoryReplacement
from gateway.api.products.schemas import ProductReplacement
from gateway.api.products.suppliers_schemas import SupplierReplacement
from gateway.routing.declarations import api_routes
from gateway.routing.route import JsonRoute
from mesh.core.errors import NotFound
from subjects import AUTH_USERS_UPDATE, CUSTOMERS_GET, CUSTOMERS_UPDATE, NOTIFICATIONS_WEBHOOK_GET, PRODUCTS_UPDATE
from tests.support.gateway.requests_of_all_kinds import ADMIN, USER
from tests.support.gateway.two_ways import Asked, Both
from tests.support.gateway.world import World
from tests.support.http.problems import problem

CUSTOMER: Final = "/v1/customers/ALFKI"
PRODUCT: Final = "/v1/products/1"
DATES: Final = {"created_at", "updated_at"}
IF_MATCH: Final = {"If-Match": '"3"'}


async def whole(http: AsyncClient, path: str, headers: dict[str, str]) -> dict[str, Any]:
    """The resource as GET shows it."""
    found: dict[str, Any] = (await http.get(path, headers=headers)).json()
    return found


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize(("path", "endpoint"), [(CUSTOMER, CUSTOMERS_UPDATE), (PRODUCT, PRODUCTS_UPDATE)])
async def test_a_whole_resource_may_come_back(
    http: AsyncClient, world: World, admin: dict[str, str], *, method: str, path: str, endpoint: object
) -> None:
    body = await whole(http, path, admin)
    response = await http.request(method, path, json=body, headers={**admin, **IF_MATCH})
    assert (200, endpoint, 3) == (response.status_code, world.last.endpoint, world.last.sent["expected_version"])
    read_only = DATES | ({"customer_id", "version"} if path == CUSTOMER else {"product_id", "discontinued", "version"})
    assert body.keys() - read_only == world.last.sent["patch"].keys()


@pytest.mark.parametrize(
    ("path", "changed"),
    [
        (CUSTOMER, {"customer_id": "ANATR"}),
        (CUSTOMER, {"customer_id": None, "version": 4}),
        (CUSTOMER, {"version": "3"}),
        (CUSTOMER, {"version": 3.0}),
        (CUSTOMER, {"created_at": "2026-12-01T00:00:01Z", "updated_at": None}),
        (PRODUCT, {"discontinued": True}),
        (PRODUCT, {"updated_at": "2026-12-01T00:00:00Z"}),
        (PRODUCT, {"discontinued": 0}),
    ],
)
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
async def test_a_changed_read_only_field_is_named(
    http: AsyncClient, world: World, admin: dict[str, str], *, method: str, path: str, changed: dict[str, Any]
) -> None:
    body = {**await whole(http, path, admin), **changed}
    said = problem(await http.request(method, path, json=body, headers={**admin, **IF_MATCH}), 422, "invalid_payload")
    assert [("read_only", name) for name in changed] == [(error.reason, error.field) for error in said.errors]
    assert {CUSTOMERS_UPDATE, PRODUCTS_UPDATE}.isdisjoint(seen.endpoint for seen in world.seen)


async def test_fields_that_are_wrong_otherwise_are_named_first(http: AsyncClient, admin: dict[str, str]) -> None:
    body = {"version": 4, "city": 1, "colour": "red"}
    said = problem(await http.patch(CUSTOMER, json=body, headers={**admin, **IF_MATCH}), 422, "invalid_payload")
    assert [("city", "wrong_type"), ("colour", "unknown_field")] == [(one.field, one.reason) for one in said.errors]


async def test_a_name_that_occurs_twice_is_refused_beside_a_read_only_field(
    http: AsyncClient, admin: dict[str, str]
) -> None:
    headers = {**admin, **IF_MATCH, "Content-Type": "application/json"}
    for body in (b'{"version":3,"version":4,"city":"x"}', b'{"version":3,"city":"x","city":"y"}'):
        problem(await http.patch(CUSTOMER, content=body, headers=headers), 400, "malformed_json")


async def test_read_only_fields_alone_change_nothing(http: AsyncClient, admin: dict[str, str]) -> None:
    said = problem(
        await http.patch(CUSTOMER, json={"version": 3}, headers={**admin, **IF_MATCH}), 422, "invalid_payload"
    )
    assert ["too_few"] == [error.reason for error in said.errors]


async def test_what_comes_first_without_a_read_only_field_comes_first_with_one(
    http: AsyncClient, world: World, user: dict[str, str], admin: dict[str, str]
) -> None:
    body = {"customer_id": "ANATR", "city": "Potsdam"}
    problem(await http.patch(CUSTOMER, json=body, headers=IF_MATCH), 401, "token_required")
    problem(await http.patch(CUSTOMER, json=body, headers={**user, **IF_MATCH}), 403, "role_required")
    problem(await http.patch(CUSTOMER, json=body, headers=admin), 428, "if_match_required")
    assert 200 == (await http.patch(CUSTOMER, json=body, headers={**admin, "If-Match": '"2"'})).status_code
    assert 2 == world.last.sent["expected_version"]  # the worker refuses it: somebody else changed the customer
    world.fails[CUSTOMERS_GET] = NotFound("customer_not_found", "there is no customer ALFKI")
    problem(await http.patch(CUSTOMER, json=body, headers={**admin, **IF_MATCH}), 404, "customer_not_found")


async def test_a_resource_without_a_version_is_compared_too(
    http: AsyncClient, world: World, admin: dict[str, str]
) -> None:
    body = {**await whole(http, "/v1/users/" + "1" * 32, admin), "roles": ["ADMIN"]}
    response = await http.patch("/v1/users/" + "1" * 32, json={**body, "disabled": False}, headers=admin)
    assert (200, AUTH_USERS_UPDATE) == (response.status_code, world.last.endpoint)
    body["email"] = "other@northwind.example"
    said = problem(await http.patch("/v1/users/" + "1" * 32, json=body, headers=admin), 422, "invalid_payload")
    assert [("email", "read_only")] == [(error.field, error.reason) for error in said.errors]


async def test_a_read_only_field_of_what_is_not_there_yet_is_refused(
    http: AsyncClient, world: World, user: dict[str, str]
) -> None:
    world.fails[NOTIFICATIONS_WEBHOOK_GET] = NotFound("webhook_not_found", "you have no webhook")
    path = "/v1/notifications/webhook"
    body = {"url": "https://shop.example/northwind", "active": True}
    said = problem(await http.put(path, json=body, headers=user), 422, "invalid_payload")
    assert [("active", "read_only")] == [(error.field, error.reason) for error in said.errors]


def test_the_fields_follow_from_the_routes(app: FastAPI) -> None:
    routes = {route.name: route for route in api_routes(app) if isinstance(route, JsonRoute)}
    assert DATES | {"customer_id", "version"} == routes["update_customer"].read_only
    assert DATES | {"product_id", "discontinued", "version"} == routes["replace_product"].read_only
    assert {"category_id", "version"} == routes["replace_category"].read_only
    assert {"supplier_id", "version"} == routes["replace_supplier"].read_only
    assert frozenset() == routes["put_item"].read_only  # GET shows no single item
    assert frozenset() == routes["create_customer"].read_only


def test_a_replacement_has_every_field_that_a_change_may_have() -> None:
    assert CustomerPatch.model_fields.keys() == CustomerReplacement.model_fields.keys()
    assert ProductPatch.model_fields.keys() == ProductReplacement.model_fields.keys()
    assert CategoryPatch.model_fields.keys() == CategoryReplacement.model_fields.keys()
    assert SupplierPatch.model_fields.keys() == SupplierReplacement.model_fields.keys()


async def test_an_omitted_field_of_a_replacement_becomes_null(
    http: AsyncClient, world: World, admin: dict[str, str]
) -> None:
    await http.put(CUSTOMER, json={"company_name": "Alfreds"}, headers={**admin, **IF_MATCH})
    patch = world.last.sent["patch"]
    assert CustomerPatch.model_fields.keys() == patch.keys()
    assert {"company_name": "Alfreds"} == {name: value for name, value in patch.items() if value is not None}


async def test_the_fast_path_answers_the_same() -> None:
    both = Both()
    headers = ((b"host", b"gateway.test"), (b"if-match", b'"3"'), (b"content-type", b"application/json"))
    bodies: tuple[object, ...] = ({"version": 3, "city": "x"}, {"version": 4, "city": "x"}, {"city": "x"}, [])
    for sent in bodies:
        for token in (ADMIN, USER):
            asked = Asked("PATCH", CUSTOMER, headers=(*headers, (b"authorization", token.encode())))
            await both.same(asked.with_body(json.dumps(sent).encode()))
