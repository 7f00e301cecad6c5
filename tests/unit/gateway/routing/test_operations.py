import re
from typing import Any

import pytest
from fastapi import FastAPI

from contracts.base import Reason
from gateway.api.about import routes as about
from gateway.routing.operations import failures
from mesh.core.endpoint import Access, Endpoint
from mesh.wire.names import PROBLEM_JSON
from tests.support.gateway.access import ACCESS
from tests.support.gateway.document import references, resolved
from tests.support.mesh.sample_service import Said, Say

Route = tuple[str, str]
HEALTH = {("GET", "/healthz"), ("GET", "/readyz")}
ABOUT = {("GET", path) for path in about.PATHS}
WITHOUT_ENDPOINT = {
    ("GET", "/v1/events"),
    ("POST", "/v1/batch"),
    ("GET", "/v1/dashboard"),
    ("GET", "/v1/customers/{customer_id}/overview"),
}
WITHOUT_CONTENT = {
    ("POST", "/v1/auth/logout"),
    ("POST", "/v1/auth/password"),
    ("POST", "/v1/auth/password/reset"),
    ("POST", "/v1/auth/password/reset/confirm"),
    ("POST", "/v1/auth/email/verification"),
    ("POST", "/v1/auth/email/verification/confirm"),
    ("DELETE", "/v1/auth/sessions"),
    ("DELETE", "/v1/auth/sessions/{session_id}"),
    ("DELETE", "/v1/notifications/webhook"),
    ("DELETE", "/v1/customers/{customer_id}"),
}
BODIES = [
    ("POST", "/v1/auth/register"),
    ("POST", "/v1/customers"),
    ("PATCH", "/v1/customers/{customer_id}"),
    ("PUT", "/v1/customers/{customer_id}"),
    ("POST", "/v1/products"),
    ("PATCH", "/v1/products/{product_id}"),
    ("PUT", "/v1/products/{product_id}"),
    ("PUT", "/v1/categories/{category_id}"),
    ("PUT", "/v1/suppliers/{supplier_id}"),
]
every_route = pytest.mark.parametrize("route", sorted(ACCESS.keys() | HEALTH | ABOUT), ids=" ".join)
every_call = pytest.mark.parametrize("route", ACCESS, ids=" ".join)


@pytest.fixture
def operations(app: FastAPI) -> dict[Route, dict[str, Any]]:
    """The document's operations by method and path."""
    return {
        (method.upper(), path): operation
        for path, methods in app.openapi()["paths"].items()
        for method, operation in methods.items()
    }


async def test_every_route_is_documented_under_a_readable_name(operations: dict[Route, Any]) -> None:
    assert ACCESS.keys() | HEALTH | ABOUT | WITHOUT_ENDPOINT == operations.keys()
    names = [operation["operationId"] for operation in operations.values()]
    assert len(set(names)) == len(names)
    assert [] == [name for name in names if not re.fullmatch(r"[a-z]+(_[a-z0-9]+)*", name)]


@every_route
async def test_an_operation_says_what_it_does(operations: dict[Route, Any], route: Route) -> None:
    operation = operations[route]
    assert operation["summary"]
    assert operation["description"]
    assert 1 == len(operation["tags"])


@every_route
async def test_an_operation_says_what_success_is(operations: dict[Route, Any], route: Route) -> None:
    responses = operations[route]["responses"].items()
    success = [said for status, said in responses if status.startswith("2") and "x-preference" not in said]
    assert 1 == len(success)
    if route not in WITHOUT_CONTENT:
        kind = "application/x-ndjson" if route == ("POST", "/v1/customers/import") else "application/json"
        assert success[0]["content"][kind]["schema"]


@every_call
async def test_an_operation_says_how_it_may_fail(app: FastAPI, operations: dict[Route, Any], route: Route) -> None:
    responses = operations[route]["responses"]
    errors = {status: resolved(app.openapi(), said) for status, said in responses.items() if status >= "4"}
    expected = {"400", "401", "414", "422", "431", "500", "502", "503", "504"}
    if ACCESS[route] is not Access.ANYONE:
        expected |= {"401", "403"}
    if "requestBody" in operations[route]:
        expected |= {"400", "408", "413", "415"}
    if route in BODIES and route[0] != "POST":
        expected |= {"412", "428"}
    assert expected <= errors.keys()
    for said in errors.values():
        assert said["description"]
        assert {"$ref": "#/components/schemas/Problem"} == said["content"][PROBLEM_JSON]["schema"]
        assert "X-Request-Id" in said["headers"]


@every_call
async def test_an_operation_says_whether_it_wants_a_token(operations: dict[Route, Any], route: Route) -> None:
    expected: list[object] = [] if ACCESS[route] is Access.ANYONE else [{"bearer": []}]
    assert expected == operations[route].get("security", [])


@pytest.mark.parametrize("route", BODIES)
async def test_a_body_has_an_example_that_is_valid(app: FastAPI, operations: dict[Route, Any], route: Route) -> None:
    schema = operations[route]["requestBody"]["content"]["application/json"]["schema"]
    component = app.openapi()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    assert component["examples"]
    assert component["examples"][0].keys() <= component["properties"].keys()


async def test_every_reference_leads_somewhere(app: FastAPI) -> None:
    document = app.openapi()
    kinds = document["components"].keys() - {"securitySchemes"}
    components = {f"#/components/{kind}/{name}" for kind in kinds for name in document["components"][kind]}
    assert components == set(references(document))


class OrderReason(Reason):
    GONE = "not_found", "order_gone"
    PLACED = "conflict", "order_placed"


def test_the_errors_of_a_call_follow_from_its_endpoint() -> None:
    always = {422, 500, 502, 503, 504}
    anyone = Endpoint("orders.get", Say, Said, Access.ANYONE, reasons=(OrderReason.GONE,))
    keyed = Endpoint("orders.place", Say, Said, Access.USER, verified=True, keyed=True)
    verified = Endpoint("orders.end", Say, Said, Access.ANYONE, verified=True, reasons=(OrderReason.PLACED,))
    assert (always | {404}, always | {401, 403, 409}, always | {401, 409}) == (
        failures(anyone),
        failures(keyed),
        failures(verified),
    )
