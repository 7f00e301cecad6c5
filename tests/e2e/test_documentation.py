import re
from typing import Any

import pytest
from httpx2 import AsyncClient

from mesh.core.endpoint import Access, Endpoint
from subjects import ENDPOINTS

ROUTES = {
    ("post", "/v1/auth/register"): "auth.register",
    ("post", "/v1/auth/login"): "auth.login",
    ("post", "/v1/auth/refresh"): "auth.refresh",
    ("post", "/v1/auth/logout"): "auth.logout",
    ("get", "/v1/auth/me"): "auth.me",
    ("get", "/.well-known/jwks.json"): "auth.jwks",
    ("post", "/v1/auth/password"): "auth.password.change",
    ("get", "/v1/auth/sessions"): "auth.sessions.list",
    ("delete", "/v1/auth/sessions"): "auth.sessions.revoke_all",
    ("delete", "/v1/auth/sessions/{session_id}"): "auth.sessions.revoke",
    ("get", "/v1/users"): "auth.users.list",
    ("get", "/v1/users/{user_id}"): "auth.users.get",
    ("patch", "/v1/users/{user_id}"): "auth.users.update",
    ("get", "/v1/audit"): "auth.audit.list",
    ("get", "/v1/customers"): "customers.list",
    ("post", "/v1/customers"): "customers.create",
    ("get", "/v1/customers/{customer_id}"): "customers.get",
    ("patch", "/v1/customers/{customer_id}"): "customers.update",
    ("delete", "/v1/customers/{customer_id}"): "customers.archive",
    ("get", "/v1/products"): "products.list",
    ("post", "/v1/products"): "products.create",
    ("get", "/v1/products/{product_id}"): "products.get",
    ("patch", "/v1/products/{product_id}"): "products.update",
    ("post", "/v1/products/{product_id}/discontinue"): "products.discontinue",
    ("get", "/v1/categories"): "products.categories.list",
    ("get", "/v1/suppliers"): "products.suppliers.list",
    ("get", "/v1/suppliers/{supplier_id}"): "products.suppliers.get",
    ("get", "/v1/products/{product_id}/stock"): "products.stock.get",
    ("get", "/v1/products/{product_id}/stock/movements"): "products.stock.movements",
    ("post", "/v1/products/{product_id}/stock/receive"): "products.stock.receive",
    ("post", "/v1/products/{product_id}/stock/adjust"): "products.stock.adjust",
    ("get", "/v1/orders"): "orders.list",
    ("post", "/v1/orders"): "orders.place",
    ("get", "/v1/orders/{order_id}"): "orders.get",
    ("post", "/v1/orders/{order_id}/cancel"): "orders.cancel",
    ("get", "/v1/orders/{order_id}/history"): "orders.history",
    ("get", "/v1/customers/{customer_id}/orders"): "orders.list",
}
HEALTH = {("get", "/healthz"), ("get", "/readyz")}
BY_SUBJECT: dict[str, Endpoint[Any, Any]] = {endpoint.subject: endpoint for endpoint in ENDPOINTS}


@pytest.fixture(scope="module")
async def document(http: AsyncClient) -> dict[str, Any]:
    made: dict[str, Any] = (await http.get("/openapi.json")).json()
    return made


async def test_openapi_lists_every_route(document: dict[str, Any]) -> None:
    listed = {(method, path) for path, methods in document["paths"].items() for method in methods}

    assert ROUTES.keys() | HEALTH == listed


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=" ".join)
async def test_openapi_tells_how_a_route_may_fail(document: dict[str, Any], method: str, path: str) -> None:
    endpoint = BY_SUBJECT[ROUTES[method, path]]
    operation = document["paths"][path][method]
    guarded = endpoint.access is not Access.ANYONE

    failures = {status: one for status, one in operation["responses"].items() if status >= "400"}
    expected = {"422", "500", "502", "503", "504"}
    expected |= {"401", "403"} if guarded else set()
    expected |= {"400", "408", "413", "415"} if "requestBody" in operation else set()
    expected |= {"404"} if any(reason.endswith("_not_found") for reason in endpoint.reasons) else set()
    expected |= {"412"} if "version_mismatch" in endpoint.reasons else set()
    expected |= {"428"} if method == "patch" and "version_mismatch" in endpoint.reasons else set()

    assert expected <= failures.keys()
    assert {"application/problem+json"} == {kind for one in failures.values() for kind in one["content"]}
    assert guarded == bool(operation.get("security"))
    assert operation["summary"]
    assert operation["description"]


async def test_openapi_refers_to_nothing_that_is_not_there(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]

    assert set(re.findall(r'#/components/schemas/([^"\']+)', str(document))) <= schemas.keys()
    members = {"type", "title", "status", "code", "reason", "detail", "retryable", "errors", "request_id", "attempts"}
    assert members | {"retry_after"} == set(schemas["Problem"]["properties"])
    assert not [name for name in schemas if "HTTPValidation" in name]


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
async def test_the_documentation_needs_no_other_site(http: AsyncClient, page: str) -> None:
    html = (await http.get(page)).text

    needed = re.findall(r"""(?:src|href)=["']([^"']+)["']""", html)
    assert needed
    assert [] == [address for address in needed if not address.startswith("/")]
    assert [] == re.findall(r"https?://[^\s\"']+", html)
    assert {200} == {(await http.get(address)).status_code for address in needed}
