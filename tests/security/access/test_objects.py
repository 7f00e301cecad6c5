"""Ids that are somebody else's, in every route that takes one: OWASP API Security 2023, API1 and API5.

The routes come from the OpenAPI document, and who may use which from a table here: one that is not in it fails.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt
import pytest
from httpx2 import AsyncClient, Response

from devstack.stack.stack import Stack
from tests.support.http.people import bearer, log_in, register
from tests.support.http.problems import problem

ANYONE, USER, ADMIN, OWNER, OWN = "anyone", "user", "admin", "owner", "own"
"""Who may; an owner alone means that not even an administrator may, and their own that an administrator may too."""

WHO_MAY: Final = {
    ("DELETE", "/v1/auth/sessions/{session_id}", "session_id"): OWNER,
    ("GET", "/v1/users/{user_id}", "user_id"): ADMIN,
    ("PATCH", "/v1/users/{user_id}", "user_id"): ADMIN,
    ("GET", "/v1/audit", "user_id"): ADMIN,
    ("GET", "/v1/audit", "actor_id"): ADMIN,
    ("GET", "/v1/customers/{customer_id}", "customer_id"): USER,
    ("POST", "/v1/customers", "customer_id"): ADMIN,
    ("PATCH", "/v1/customers/{customer_id}", "customer_id"): ADMIN,
    ("PUT", "/v1/customers/{customer_id}", "customer_id"): ADMIN,
    ("DELETE", "/v1/customers/{customer_id}", "customer_id"): ADMIN,
    ("POST", "/v1/customers/{customer_id}/restore", "customer_id"): ADMIN,
    ("GET", "/v1/customers/{customer_id}/history", "customer_id"): ADMIN,
    ("GET", "/v1/customers/{customer_id}/overview", "customer_id"): USER,
    ("GET", "/v1/products", "category_id"): ANYONE,
    ("GET", "/v1/products", "supplier_id"): ANYONE,
    ("GET", "/v1/products/{product_id}", "product_id"): ANYONE,
    ("POST", "/v1/products", "category_id"): ADMIN,
    ("POST", "/v1/products", "supplier_id"): ADMIN,
    ("PATCH", "/v1/products/{product_id}", "product_id"): ADMIN,
    ("PATCH", "/v1/products/{product_id}", "category_id"): ADMIN,
    ("PATCH", "/v1/products/{product_id}", "supplier_id"): ADMIN,
    ("PUT", "/v1/products/{product_id}", "product_id"): ADMIN,
    ("PUT", "/v1/products/{product_id}", "category_id"): ADMIN,
    ("PUT", "/v1/products/{product_id}", "supplier_id"): ADMIN,
    ("POST", "/v1/products/{product_id}/discontinue", "product_id"): ADMIN,
    ("POST", "/v1/products/{product_id}/restore", "product_id"): ADMIN,
    ("GET", "/v1/products/{product_id}/prices", "product_id"): ADMIN,
    ("GET", "/v1/products/reorder", "supplier_id"): ADMIN,
    ("POST", "/v1/prices/bulk_change", "category_id"): ADMIN,
    ("POST", "/v1/prices/bulk_change", "supplier_id"): ADMIN,
    ("GET", "/v1/categories/{category_id}", "category_id"): ANYONE,
    ("PATCH", "/v1/categories/{category_id}", "category_id"): ADMIN,
    ("PUT", "/v1/categories/{category_id}", "category_id"): ADMIN,
    ("GET", "/v1/suppliers/{supplier_id}", "supplier_id"): USER,
    ("PATCH", "/v1/suppliers/{supplier_id}", "supplier_id"): ADMIN,
    ("PUT", "/v1/suppliers/{supplier_id}", "supplier_id"): ADMIN,
    ("GET", "/v1/products/{product_id}/stock", "product_id"): ANYONE,
    ("GET", "/v1/products/{product_id}/stock/movements", "product_id"): ADMIN,
    ("POST", "/v1/products/{product_id}/stock/receive", "product_id"): ADMIN,
    ("POST", "/v1/products/{product_id}/stock/adjust", "product_id"): ADMIN,
    ("GET", "/v1/orders", "customer_id"): USER,
    ("GET", "/v1/orders", "user_id"): USER,
    ("GET", "/v1/customers/{customer_id}/orders", "customer_id"): USER,
    ("GET", "/v1/customers/{customer_id}/orders", "user_id"): USER,
    ("POST", "/v1/orders", "customer_id"): ADMIN,
    ("GET", "/v1/orders/{order_id}", "order_id"): OWN,
    ("GET", "/v1/orders/{order_id}/history", "order_id"): OWN,
    ("POST", "/v1/orders/{order_id}/cancel", "order_id"): OWN,
    ("PUT", "/v1/cart/items/{product_id}", "product_id"): USER,
    ("DELETE", "/v1/cart/items/{product_id}", "product_id"): USER,
    ("GET", "/v1/shipments", "order_id"): USER,
    ("GET", "/v1/shipments/{shipment_id}", "shipment_id"): OWN,
    ("POST", "/v1/shipments/{shipment_id}/dispatch", "shipment_id"): ADMIN,
    ("POST", "/v1/shipments/{shipment_id}/deliver", "shipment_id"): ADMIN,
    ("GET", "/v1/problems/{reason}", "reason"): ANYONE,
}
BODIES: Final[Mapping[tuple[str, str], Any]] = {
    ("PATCH", "/v1/users/{user_id}"): {"disabled": True},
    ("POST", "/v1/customers"): {"customer_id": "ALFKI", "company_name": "Taken over"},
    ("PATCH", "/v1/customers/{customer_id}"): {"company_name": "Taken over"},
    ("PUT", "/v1/customers/{customer_id}"): {"company_name": "Taken over"},
    ("PUT", "/v1/products/{product_id}"): {
        "product_name": "Taken over",
        "unit_price": "1.00",
        "category_id": 2,
        "supplier_id": 2,
        "units_in_stock": 1,
        "units_on_order": 0,
        "reorder_level": 0,
    },
    ("POST", "/v1/products"): {"product_name": "Foisted", "unit_price": "1.00", "category_id": 1, "supplier_id": 1},
    ("PATCH", "/v1/products/{product_id}"): {"product_name": "Taken over", "category_id": 2, "supplier_id": 2},
    ("POST", "/v1/prices/bulk_change"): {"by": "amount", "change": "0.01", "category_id": 1, "supplier_id": 1},
    ("PATCH", "/v1/categories/{category_id}"): {"category_name": "Taken over"},
    ("PUT", "/v1/categories/{category_id}"): {"category_name": "Taken over"},
    ("PATCH", "/v1/suppliers/{supplier_id}"): {"company_name": "Taken over"},
    ("PUT", "/v1/suppliers/{supplier_id}"): {"company_name": "Taken over"},
    ("POST", "/v1/products/{product_id}/stock/receive"): {"quantity": 1, "reason": "Foisted"},
    ("POST", "/v1/products/{product_id}/stock/adjust"): {"change": 1, "reason": "Foisted"},
    ("POST", "/v1/orders"): {"lines": [{"product_id": 1, "quantity": 1}], "customer_id": "ALFKI"},
    ("PUT", "/v1/cart/items/{product_id}"): {"quantity": 1},
}
"""Each would be taken from somebody who may."""
ADDING: Final = {route for route in BODIES if route[0] == "POST" and route != ("POST", "/v1/customers")}
"""An administrator's request would add something."""


@dataclass(frozen=True)
class Person:
    """An ordinary user with a session."""

    headers: dict[str, str]
    email: str
    user_id: str
    session_id: str
    order_id: str
    shipment_id: str

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no answer to somebody else may tell."""
        return self.email, self.session_id


@pytest.fixture(scope="module")
async def http(stack: Stack) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(base_url=stack.state.gateway_url, timeout=20) as client:
        yield client


async def _person(http: AsyncClient, email: str, password: str) -> Person:
    tokens = await log_in(http, email, password)
    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    lines = [{"product_id": 1, "quantity": 1}]
    order = (await http.post("/v1/orders", json={"lines": lines}, headers=bearer(tokens))).json()
    shipments = {"order_id": order["order_id"]}
    while not (found := (await http.get("/v1/shipments", params=shipments, headers=bearer(tokens))).json()["items"]):
        await asyncio.sleep(0.01)
    ids = str(order["order_id"]), str(found[0]["shipment_id"])
    return Person(bearer(tokens), email, claims["sub"], claims["sid"], *ids)


@pytest.fixture(scope="module")
async def anna(http: AsyncClient) -> Person:
    return await _person(http, *await register(http))


@pytest.fixture(scope="module")
async def berta(http: AsyncClient) -> Person:
    return await _person(http, *await register(http))


@pytest.fixture(scope="module")
async def admin(stack: Stack, http: AsyncClient) -> Person:
    return await _person(http, stack.state.admin.email, stack.state.admin.password)


def takes_ids(document: Mapping[str, Any]) -> set[tuple[str, str, str]]:
    """Method, path and name of every id in a path, a query, or a body."""
    found = set()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            names = [given["name"] for given in operation.get("parameters", ()) if given["in"] != "header"]
            names += re.findall(r"{(\w+)}", path)
            for content in operation.get("requestBody", {}).get("content", {}).values():
                referred = re.findall(r"'#/components/schemas/(\w+)'", repr(content["schema"]))
                names += [name for one in referred for name in document["components"]["schemas"][one]["properties"]]
            in_path = set(re.findall(r"{(\w+)}", path))
            found |= {(method.upper(), path, name) for name in names if name.endswith("_id") or name in in_path}
    return found


async def test_every_route_with_an_id_is_classified(http: AsyncClient) -> None:
    assert set(WHO_MAY) == takes_ids((await http.get("/openapi.json")).json())


async def call(
    http: AsyncClient, route: tuple[str, str], ids: Mapping[str, str], headers: dict[str, str], tag: str = '"1"'
) -> Response:
    """Call the route with these ids, as if one had just seen the version that the tag names."""
    method, path = route
    writes = BODIES.get(route, method != "GET")
    versioned = writes and re.search("{(customer|product|category|supplier|shipment)_id}", path)
    given = {name: ids[name] for one, where, name in WHO_MAY if (one, where) == route and f"{{{name}}}" not in path}
    return await http.request(
        method,
        path.format(**ids),
        params=given if method == "GET" else None,
        json=BODIES.get(route),
        headers={**headers, "If-Match": tag} if versioned else headers,
    )


ROUTES: Final = {(method, path): who for (method, path, _), who in WHO_MAY.items()}


def ids_of(person: Person) -> dict[str, str]:
    """An id for every name, what can be somebody's being this person's."""
    common = {"customer_id": "ALFKI", "product_id": "1", "supplier_id": "1", "category_id": "1", "reason": "internal"}
    own = {"user_id": person.user_id, "actor_id": person.user_id, "session_id": person.session_id}
    return {**common, **own, "order_id": person.order_id, "shipment_id": person.shipment_id}


async def belongings(http: AsyncClient, owner: Person) -> list[str]:
    """All that anybody might have changed."""
    paths = ("/v1/auth/me", "/v1/customers/ALFKI", "/v1/products/1", "/v1/suppliers/1", "/v1/products?q=Foisted")
    answers = [await http.get(path, headers=owner.headers) for path in paths]
    assert {200} == {answer.status_code for answer in answers}
    return [answer.text for answer in answers]


@pytest.mark.parametrize("route", sorted(ROUTES), ids=" ".join)
async def test_a_route_gives_nobody_what_is_not_theirs(
    http: AsyncClient, anna: Person, berta: Person, admin: Person, route: tuple[str, str]
) -> None:
    who = ROUTES[route]
    before = await belongings(http, berta)
    for owner in (berta, admin):
        stranger = await call(http, route, ids_of(owner), {})
        user = await call(http, route, ids_of(owner), anna.headers)
        if who == ANYONE:
            assert 200 == stranger.status_code
        else:
            problem(stranger, 401, "token_required")
        match who:
            case "anyone" | "user":
                assert 200 == user.status_code
            case "admin":
                problem(user, 403, "role_required")
            case "owner":
                problem(user, 404, "session_not_found")
            case "own":
                problem(user, 404, "shipment_not_found" if "shipments" in route[1] else "order_not_found")
        order = (await http.get(f"/v1/orders/{owner.order_id}", headers=owner.headers)).json()
        assert "cancelled" != order["status"]
        assert not any(secret in stranger.text + user.text for secret in owner.secrets)
    assert before == await belongings(http, berta)


async def test_not_even_an_administrator_ends_a_session_by_its_id(
    http: AsyncClient, berta: Person, admin: Person
) -> None:
    for route, who in ROUTES.items():
        if who == OWNER:
            problem(await call(http, route, ids_of(berta), admin.headers), 404, "session_not_found")
    assert 200 == (await http.get("/v1/auth/me", headers=berta.headers)).status_code


async def test_lists_of_ones_own_tell_of_nobody_else(http: AsyncClient, anna: Person, berta: Person) -> None:
    lists = (
        "/v1/auth/sessions",
        "/v1/customers?limit=200",
        "/v1/products?limit=200",
        "/v1/orders?limit=200",
        "/v1/shipments",
    )
    for path in ("/v1/auth/me", *lists):
        answer = await http.get(path, headers=anna.headers)
        assert 200 == answer.status_code
        assert not any(secret in answer.text for secret in (*berta.secrets, berta.user_id))


async def test_what_was_refused_was_refused_for_who_asked(http: AsyncClient, admin: Person) -> None:
    """An administrator gets further with the same requests; the version alone is none, so that nothing changes."""
    owner = await _person(http, *await register(http))
    told = {
        route: (await call(http, route, ids_of(owner), admin.headers, tag='"999999"')).status_code
        for route, who in ROUTES.items()
        if who == ADMIN and route not in ADDING
    }
    assert {200, 409, 412} == set(told.values()), told
