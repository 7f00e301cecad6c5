"""What the OpenAPI document says beyond what FastAPI makes of the routes."""

from typing import Any

import pytest
from fastapi import FastAPI

from gateway.openapi.tags import TAGS
from gateway.problems import STATUS
from gateway.routing.declarations import api_routes, declared
from gateway.semantics.problem_types import problem_types
from mesh.core.endpoint import Access
from mesh.core.errors import Code
from mesh.wire.names import PROBLEM_JSON
from mesh.wire.problem import Problem
from tests.support.gateway.document import resolved

Operations = dict[str, dict[str, Any]]


@pytest.fixture
def operations(app: FastAPI) -> Operations:
    """The document's operations by name."""
    methods = app.openapi()["paths"].values()
    return {operation["operationId"]: operation for each in methods for operation in each.values()}


def reasons(app: FastAPI, operation: dict[str, Any], status: int) -> set[str]:
    """Those that have an example."""
    response = resolved(app.openapi(), operation["responses"][str(status)])
    return set(response["content"][PROBLEM_JSON]["examples"])


async def test_every_reason_of_an_endpoint_has_an_example(app: FastAPI, operations: Operations) -> None:
    for route in api_routes(app):
        if (endpoint := declared(route)) is not None:
            own = {reason.value: Code(reason.code) for reason in endpoint.reasons}
            for reason, code in own.items():
                assert reason in reasons(app, operations[route.name], STATUS[code]), (route.path, reason)


@pytest.mark.parametrize(
    ("name", "status", "expected"),
    [
        ("get_stock", 401, {"invalid_token"}),
        ("get_customer", 401, {"invalid_token", "session_revoked", "token_expired", "token_required"}),
        ("get_customer", 403, {"role_required"}),
        ("get_customer", 404, {"customer_archived", "customer_not_found", "unknown_path"}),
        ("update_customer", 400, {"invalid_etag", "malformed_json", "malformed_request"}),
        ("update_customer", 412, {"version_mismatch"}),
        ("update_customer", 428, {"if_match_required"}),
        ("create_customer", 422, {"invalid_header", "invalid_payload", "invalid_request"}),
        ("get_order", 429, {"too_many_waits_of_user"}),
        ("follow_events", 429, {"too_many_streams_of_user"}),
        ("get_health", 414, {"url_too_long"}),
        ("get_health", 431, {"head_too_large"}),
    ],
)
async def test_a_status_names_its_reasons(
    app: FastAPI, operations: Operations, name: str, status: int, expected: set[str]
) -> None:
    assert expected == reasons(app, operations[name], status)


async def test_an_example_is_a_problem_that_its_page_explains(app: FastAPI) -> None:
    for name, example in app.openapi()["components"]["examples"].items():
        problem = Problem.model_validate(example["value"])
        assert name in {problem.reason, f"{problem.reason}_{problem.status}"}
        assert f"/v1/problems/{problem.reason}" == problem.type
        assert problem_types()[problem.reason].meaning == example["summary"]


async def test_what_every_request_may_meet_is_described_once(app: FastAPI, operations: Operations) -> None:
    for status in ("414", "431", "500"):
        responses = [operation["responses"].get(status) for operation in operations.values()]
        assert 1 == len({str(response) for response in responses if response is not None}), status


async def test_a_change_that_is_428_without_a_version_requires_if_match(operations: Operations) -> None:
    for name, operation in operations.items():
        required = [one["name"] for one in operation["parameters"] if one["in"] == "header" and one.get("required")]
        assert (["If-Match"] if "428" in operation["responses"] else []) == required, name


@pytest.mark.parametrize(
    ("name", "status", "expected"),
    [
        ("create_customer", "201", {"ETag", "Location", "X-Request-Id"}),
        ("place_order", "202", {"ETag", "Location", "X-Request-Id"}),
        ("list_orders", "200", {"Link", "X-Total-Count", "X-Total-Count-Estimated", "X-Request-Id"}),
        ("login", "200", {"RateLimit", "RateLimit-Policy", "X-Request-Id"}),
        ("login", "429", {"RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id"}),
        ("get_customer", "401", {"WWW-Authenticate", "X-Request-Id"}),
        ("get_customer", "503", {"Retry-After", "X-Request-Id"}),
        ("get_customer", "304", {"ETag", "X-Request-Id"}),
    ],
)
async def test_a_response_names_its_headers(
    app: FastAPI, operations: Operations, name: str, status: str, expected: set[str]
) -> None:
    assert expected == resolved(app.openapi(), operations[name]["responses"][status])["headers"].keys()


async def test_an_operation_names_its_role_and_its_subject(app: FastAPI, operations: Operations) -> None:
    roles = {Access.ANYONE: None, Access.USER: "USER", Access.ADMIN: "ADMIN"}
    for route in api_routes(app):
        if (endpoint := declared(route)) is not None and route.include_in_schema:
            operation = operations[route.name]
            assert roles[endpoint.access] == operation.get("x-role"), route.path
            assert endpoint.subject == operation["x-subject"]
            assert ("Anyone" if endpoint.access is Access.ANYONE else f"`{roles[endpoint.access]}`") in (
                operation["description"].rpartition("\n")[2]
            )


async def test_every_tag_has_words(app: FastAPI, operations: Operations) -> None:
    assert {tag for operation in operations.values() for tag in operation["tags"]} == TAGS.keys()
    assert [*TAGS.items()] == [(tag["name"], tag["description"]) for tag in app.openapi()["tags"]]


async def test_a_link_leads_to_an_operation_and_fills_in_its_key(operations: Operations) -> None:
    links = operations["create_customer"]["responses"]["201"]["links"]
    assert {"path.customer_id": "$response.body#/customer_id"} == links["get_customer"]["parameters"]
    read = operations["get_customer"]["responses"]["200"]["links"]
    assert "$response.header.ETag" == read["update_customer"]["parameters"]["header.If-Match"]
    page = operations["list_orders"]["responses"]["200"]["links"]["next_page"]
    assert ("list_orders", "$response.body#/next_cursor") == (page["operationId"], page["parameters"]["query.cursor"])
    for operation in operations.values():
        for response in operation["responses"].values():
            for link in response.get("links", {}).values():
                target = operations[link["operationId"]]
                known = {f"{one['in']}.{one['name']}" for one in target["parameters"]}
                assert link["parameters"].keys() <= known


async def test_a_parameter_is_never_null_and_a_bound_of_integers_is_one(app: FastAPI, operations: Operations) -> None:
    for name, operation in operations.items():
        for parameter in operation["parameters"]:
            assert "null" not in str(parameter["schema"].get("anyOf")), (name, parameter["name"])
    assert "'maximum': 2147483647," in str(app.openapi()).replace("}", ",")
    assert "2147483647.0" not in str(app.openapi())


async def test_a_change_names_at_least_one_field(app: FastAPI, operations: Operations) -> None:
    for name in ("update_customer", "update_product", "update_user"):
        schema = operations[name]["requestBody"]["content"]["application/json"]["schema"]
        assert 1 == resolved(app.openapi(), schema)["minProperties"]


async def test_an_example_has_its_nulls(app: FastAPI) -> None:
    example = app.openapi()["components"]["schemas"]["Customer"]["examples"][0]
    assert (None, "ALFKI") == (example["region"], example["customer_id"])


async def test_a_value_of_an_enum_has_a_name(app: FastAPI) -> None:
    sort = app.openapi()["components"]["schemas"]["OrderSort"]
    assert ["ORDER_ID", "ORDER_ID_DESCENDING"] == sort["x-enum-varnames"]


async def test_a_field_that_is_always_null_has_a_type_for_generators(app: FastAPI) -> None:
    field = app.openapi()["components"]["schemas"]["UserSessionPage"]["properties"]["next_cursor"]
    assert (["string", "null"], None) == (field["type"], field["const"])
