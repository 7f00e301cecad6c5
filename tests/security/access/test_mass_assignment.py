"""Fields that a client may not set, in every route that takes a body: OWASP API Security 2023, API3.

Routes and fields come from the OpenAPI document; a route whose body is not in the table here fails.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import pytest
from httpx2 import AsyncClient

from devstack.stack.stack import Stack
from tests.support.contract.givens import free_key
from tests.support.http.people import bearer, log_in, new_account, register
from tests.support.http.problems import problem

_ROWS: Final = {"text/csv", "application/x-ndjson"}
"""Rows, whose fields no schema names: tests/e2e/http/test_import.py."""
BODIES: Final[Mapping[tuple[str, str], Mapping[str, Any]]] = {
    ("POST", "/v1/auth/register"): {"email": "{email}", "password": "{password}"},
    ("POST", "/v1/auth/login"): {"email": "{email}", "password": "{password}"},
    ("POST", "/v1/auth/refresh"): {"refresh_token": "{refresh_token}"},
    ("POST", "/v1/auth/logout"): {"refresh_token": "{refresh_token}"},
    ("POST", "/v1/auth/password"): {"current_password": "{password}", "new_password": "{password} and more"},
    ("POST", "/v1/auth/password/reset"): {"email": "{email}"},
    ("POST", "/v1/auth/password/reset/confirm"): {"token": "0" * 43, "new_password": "{password} and more"},
    ("POST", "/v1/auth/email/verification"): {"email": "{email}"},
    ("POST", "/v1/auth/email/verification/confirm"): {"token": "0" * 43},
    ("POST", "/v1/batch"): {"requests": [{"path": "/v1/products/1"}]},
    ("PATCH", "/v1/users/{user_id}"): {"roles": ["USER"]},
    ("POST", "/v1/customers"): {"customer_id": "{key}", "company_name": "Mass assigned"},
    ("PATCH", "/v1/customers/{customer_id}"): {"company_name": "Mass assigned"},
    ("PUT", "/v1/customers/{customer_id}"): {"company_name": "Mass assigned"},
    ("POST", "/v1/products"): {"product_name": "Mass assigned", "unit_price": "1.00"},
    ("PATCH", "/v1/products/{product_id}"): {"product_name": "Mass assigned"},
    ("PUT", "/v1/products/{product_id}"): {
        "product_name": "Mass assigned",
        "unit_price": "1.00",
        "units_in_stock": 1,
        "units_on_order": 0,
        "reorder_level": 0,
    },
    ("POST", "/v1/prices/bulk_change"): {"category_id": 1, "by": "amount", "change": "0.01"},
    ("POST", "/v1/categories"): {"category_name": "Mass assigned"},
    ("PATCH", "/v1/categories/{category_id}"): {"category_name": "Mass assigned"},
    ("PUT", "/v1/categories/{category_id}"): {"category_name": "Mass assigned"},
    ("POST", "/v1/suppliers"): {"company_name": "Mass assigned"},
    ("PATCH", "/v1/suppliers/{supplier_id}"): {"company_name": "Mass assigned"},
    ("PUT", "/v1/suppliers/{supplier_id}"): {"company_name": "Mass assigned"},
    ("POST", "/v1/products/{product_id}/stock/receive"): {"quantity": 1, "reason": "Mass assigned"},
    ("POST", "/v1/products/{product_id}/stock/adjust"): {"change": 1, "reason": "Mass assigned"},
    ("PUT", "/v1/notifications/webhook"): {"url": "https://shop.example/northwind"},
    ("POST", "/v1/orders"): {"lines": [{"product_id": 1, "quantity": 1}]},
    ("PUT", "/v1/cart/items/{product_id}"): {"quantity": 1},
}
"""Each would be taken as it is."""
_OF_THE_CATALOGUE: Final = ("/v1/products/1", "/v1/categories/1", "/v1/suppliers/1")
NEVER: Final = {
    *(
        "_id",
        "id",
        "role",
        "is_admin",
        "admin",
        "scope",
        "sub",
        "sid",
        "permissions",
        "owner",
        "user",
        "email_verified",
    ),
    *("password_hash", "hash", "salt", "archived_at", "updated_at", "deleted", "search", "family", "idempotency_key"),
    *("__proto__", "constructor", "patch", "$set", "roles.0", "Roles", "user_id ", "created_at"),
}
"""Names that no shape of ours has, or that only a database has."""


@pytest.fixture(scope="module")
async def http(stack: Stack) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(base_url=stack.state.gateway_url, timeout=20) as client:
        yield client


def _schema(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    one = next((one for one in schema.get("anyOf", ()) if "$ref" in one), schema)
    found: Mapping[str, Any] = document["components"]["schemas"][one["$ref"].rpartition("/")[2]]
    return found


def bodies(document: Mapping[str, Any]) -> dict[tuple[str, str], set[str]]:
    """The fields that each route knows in its body."""
    return {
        (method.upper(), path): set(
            _schema(document, operation["requestBody"]["content"][kind]["schema"])["properties"]
        )
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        for kind in operation.get("requestBody", {}).get("content", {})
        if kind not in _ROWS
    }


def shown(document: Mapping[str, Any], path: str) -> set[str]:
    """The fields that GET shows at a path."""
    responses = document["paths"][path].get("get", {}).get("responses", {})
    schema = responses.get("200", {}).get("content", {}).get("application/json", {}).get("schema")
    return set(_schema(document, schema)["properties"]) if schema else set()


def all_fields(document: Mapping[str, Any]) -> set[str]:
    """Every field of every shape."""
    return {name for schema in document["components"]["schemas"].values() for name in schema.get("properties", ())}


async def test_every_route_that_takes_a_body_is_known(http: AsyncClient) -> None:
    assert set(BODIES) == set(bodies((await http.get("/openapi.json")).json()))


@pytest.mark.parametrize("route", BODIES, ids=" ".join)
async def test_no_field_is_taken_that_is_not_a_clients_to_set(
    stack: Stack, http: AsyncClient, route: tuple[str, str]
) -> None:
    admin = bearer(await log_in(http, stack.state.admin.email, stack.state.admin.password))
    known = await register(http)
    tokens = await log_in(http, *known)
    own = bearer(tokens)
    email, password = new_account() if route[1] == "/v1/auth/register" else known
    given = {"email": email, "password": password, "refresh_token": tokens["refresh_token"], "key": free_key()}
    body = {name: value.format(**given) if isinstance(value, str) else value for name, value in BODIES[route].items()}
    user_id = (await http.get("/v1/auth/me", headers=own)).json()["user_id"]
    path = route[1].format(user_id=user_id, customer_id="ALFKI", product_id="1", category_id="1", supplier_id="1")
    versioned = route[0] in {"PATCH", "PUT"} and path in {"/v1/customers/ALFKI", *_OF_THE_CATALOGUE}
    headers = {**(own if "/auth/" in path else admin), **({"If-Match": '"1"'} if versioned else {})}
    document = (await http.get("/openapi.json")).json()

    watched = (
        f"/v1/users/{user_id}",
        "/v1/customers/ALFKI",
        "/v1/products/1",
        "/v1/categories",
        "/v1/suppliers",
        "/v1/products?q=Mass",
        "/v1/customers?q=Mass",
        "/v1/orders?limit=1",
        "/v1/products/1/stock/movements",
    )
    read_only = shown(document, route[1]) if route[0] in {"PATCH", "PUT"} else set()
    before = [(await http.get(one, headers=admin)).text for one in watched]
    for field in sorted((all_fields(document) | NEVER) - bodies(document)[route]):
        for value in ("x", ["ADMIN"]):
            refused = problem(
                await http.request(route[0], path, json={**body, field: value}, headers=headers), 422, "invalid_payload"
            )
            # It is all that is wrong: without it the request would have been taken.
            expected = "read_only" if field in read_only else "unknown_field"
            assert [(expected, field)] == [(error.reason, error.field) for error in refused.errors]
    assert before == [(await http.get(one, headers=admin)).text for one in watched]
    assert 200 == (await http.get("/v1/auth/me", headers=own)).status_code
    assert 1 == len((await http.get("/v1/auth/sessions", headers=own)).json()["items"])
    if email != known[0]:
        assert [] == (await http.get("/v1/users", params={"email": email}, headers=admin)).json()["items"]
