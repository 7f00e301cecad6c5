import re
from typing import Any

import pytest
from httpx2 import AsyncClient

from gateway.problems import STATUS
from mesh.core.endpoint import Access, Endpoint
from subjects import ENDPOINTS
from tests.support.contract import golden
from tests.support.gateway.document import resolved

ROUTES = {(method.lower(), path): one.subject for (method, path), one in golden.routes().items()}
HEALTH = {("get", "/healthz"), ("get", "/readyz")}
ABOUT = {("get", "/"), ("get", "/v1/problems"), ("get", "/v1/problems/{reason}")}
IMPORT = ("post", "/v1/customers/import")
REPLACED = {
    ("put", "/v1/customers/{customer_id}"),
    ("put", "/v1/products/{product_id}"),
    ("put", "/v1/categories/{category_id}"),
    ("put", "/v1/suppliers/{supplier_id}"),
}
WITHOUT_ENDPOINT = {
    ("get", "/v1/events"),
    ("post", "/v1/batch"),
    ("get", "/v1/dashboard"),
    ("get", "/v1/customers/{customer_id}/overview"),
}
BY_SUBJECT: dict[str, Endpoint[Any, Any]] = {endpoint.subject: endpoint for endpoint in ENDPOINTS}


@pytest.fixture(scope="module")
async def document(http: AsyncClient) -> dict[str, Any]:
    made: dict[str, Any] = (await http.get("/openapi.json")).json()
    return made


async def test_openapi_lists_every_route(document: dict[str, Any]) -> None:
    listed = {(method, path) for path, methods in document["paths"].items() for method in methods}

    assert ROUTES.keys() | HEALTH | ABOUT | WITHOUT_ENDPOINT == listed


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=" ".join)
async def test_openapi_tells_how_a_route_may_fail(document: dict[str, Any], method: str, path: str) -> None:
    endpoint = BY_SUBJECT[ROUTES[method, path]]
    operation = document["paths"][path][method]
    guarded = endpoint.access is not Access.ANYONE
    reasons = {reason.value for reason in endpoint.reasons}

    responses = operation["responses"].items()
    failures = {status: resolved(document, one) for status, one in responses if status >= "400"}
    expected = {"400", "401", "414", "422", "431", "500", "502", "503", "504"}
    expected |= {"403"} if guarded else set()
    expected |= {"404"} if "{" in path else set()
    expected |= {"400", "408", "413", "415"} if "requestBody" in operation else set()
    expected |= {"409"} if endpoint.keyed else set()
    expected |= {str(STATUS[endpoint.codes[reason]]) for reason in reasons}
    parameters = {one["name"] for one in operation.get("parameters", ())}
    expected |= {"429"} if "wait" in parameters else set()
    expected |= {"401", "403"} if "expand" in parameters else set()  # of what is shown
    expected |= {"505"} if (method, path) == IMPORT else set()  # its answer is a stream
    conditional = {"If-Match", "If-None-Match"} & parameters
    expected |= {"412"} if "version_mismatch" in reasons or conditional else set()
    expected |= (
        {"428"} if (method == "patch" and "version_mismatch" in reasons) or (method, path) in REPLACED else set()
    )

    assert expected == failures.keys()
    assert {"application/problem+json"} == {kind for one in failures.values() for kind in one["content"]}
    assert guarded == bool(operation.get("security"))
    assert operation["summary"]
    assert operation["description"]


async def test_openapi_refers_to_nothing_that_is_not_there(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]

    assert set(re.findall(r'#/components/schemas/([^"\']+)', str(document))) <= schemas.keys()
    members = {"type", "title", "status", "code", "reason", "detail", "retryable", "errors", "request_id", "attempts"}
    assert members | {"retry_after", "current_version"} == set(schemas["Problem"]["properties"])
    assert not [name for name in schemas if "HTTPValidation" in name]


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
async def test_the_documentation_needs_no_other_site(http: AsyncClient, page: str) -> None:
    html = (await http.get(page)).text

    needed = re.findall(r"""(?:src|href)=["']([^"']+)["']""", html)
    assert needed
    assert [] == [address for address in needed if not address.startswith("/")]
    assert [] == re.findall(r"https?://[^\s\"']+", html)
    assert {200} == {(await http.get(address)).status_code for address in needed}
