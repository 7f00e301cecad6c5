from typing import Any

import pytest
from fastapi import FastAPI

from contracts.base import Reason
from gateway.routing.operations import failures
from mesh.core.endpoint import Access, Endpoint
from mesh.wire.names import PROBLEM_JSON
from tests.sample_service import Said, Say
from tests.unit.gateway.test_auth import ACCESS

HEALTH = {"get_health", "get_readiness"}


@pytest.fixture
def operations(app: FastAPI) -> dict[str, dict[str, Any]]:
    """The document's operations by id."""
    return {
        operation["operationId"]: {**operation, "method": method}
        for path in app.openapi()["paths"].values()
        for method, operation in path.items()
    }


async def test_every_route_is_documented_under_a_readable_name(operations: dict[str, Any]) -> None:
    assert ACCESS.keys() | HEALTH == operations.keys()


@pytest.mark.parametrize("name", sorted(ACCESS.keys() | HEALTH))
async def test_an_operation_says_what_it_does(operations: dict[str, Any], name: str) -> None:
    operation = operations[name]
    assert operation["summary"]
    assert operation["description"]
    assert 1 == len(operation["tags"])


@pytest.mark.parametrize("name", sorted(ACCESS.keys() | HEALTH))
async def test_an_operation_says_what_success_is(operations: dict[str, Any], name: str) -> None:
    success = [said for status, said in operations[name]["responses"].items() if status.startswith("2")]
    assert 1 == len(success)
    if name not in {"logout", "archive_customer", "change_password", "revoke_session", "revoke_sessions"}:
        assert success[0]["content"]["application/json"]["schema"]


@pytest.mark.parametrize("name", ACCESS)
async def test_an_operation_says_how_it_may_fail(operations: dict[str, Any], name: str) -> None:
    responses = operations[name]["responses"]
    errors = {status: said for status, said in responses.items() if status >= "4"}
    expected = {"422", "500", "502", "503", "504"}
    if ACCESS[name] is not Access.ANYONE:
        expected |= {"401", "403"}
    if "requestBody" in operations[name]:
        expected |= {"400", "408", "413", "415"}
    if operations[name]["method"] == "patch" and name != "update_user":  # rights are set, whatever they were
        expected |= {"412", "428"}
    assert expected <= errors.keys()
    for said in errors.values():
        assert said["description"]
        assert {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}} == said["content"]


@pytest.mark.parametrize("name", ACCESS)
async def test_an_operation_says_whether_it_wants_a_token(operations: dict[str, Any], name: str) -> None:
    expected: list[object] = [] if ACCESS[name] is Access.ANYONE else [{"bearer": []}]
    assert expected == operations[name].get("security", [])


@pytest.mark.parametrize("name", ["register", "create_customer", "update_customer", "create_product", "update_product"])
async def test_a_body_has_an_example_that_is_valid(app: FastAPI, operations: dict[str, Any], name: str) -> None:
    schema = operations[name]["requestBody"]["content"]["application/json"]["schema"]
    component = app.openapi()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    assert component["examples"]
    assert component["examples"][0].keys() <= component["properties"].keys()


async def test_every_reference_leads_somewhere(app: FastAPI) -> None:
    document = app.openapi()
    assert set(references(document)) == {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}


def references(node: object) -> list[str]:
    if isinstance(node, dict):
        here = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return here + [found for value in node.values() for found in references(value)]
    return [found for value in node for found in references(value)] if isinstance(node, list) else []


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
