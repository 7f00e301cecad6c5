"""Completes the document that FastAPI makes of the routes."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from fastapi import FastAPI

from gateway.openapi.headers import HEADERS, of_success
from gateway.openapi.links import Operations, add_links
from gateway.openapi.problems import Kind, described, examples, shared
from gateway.openapi.reasons import EDGE, reasons
from gateway.openapi.shapes import complete_examples, name_values, type_nulls, without_null, write_integers
from gateway.openapi.tags import TAGS
from gateway.routing.declarations import api_routes, declared
from gateway.semantics.media_type import MERGE_PATCH
from mesh.core.endpoint import Access, Endpoint
from mesh.wire.problem import Problem

_SCHEMAS: Final = "#/components/schemas/"
_ROLES: Final = {Access.USER: "USER", Access.ADMIN: "ADMIN"}
_WORDS: Final = {
    Access.ANYONE: "Anyone may use it, without a token.",
    Access.USER: "Requires the role `USER`.",
    Access.ADMIN: "Requires the role `ADMIN`.",
}
_TAG: Final = '(W/)?"[!#-~]*"'
_TAGS: Final = rf"^{_TAG}(, {_TAG})*$"
"""A list of ETags."""
_TAGS_OR_ANY: Final = rf"^(\*|{_TAG}(, {_TAG})*)$"
_READ_CONDITIONS: Final = {
    "If-None-Match": ("ETags that you have: 304 if one of them is current.", '"0"'),
    "If-Match": ("ETags that you expect: 412 if none of them is current.", "*"),
}


def complete_document(app: FastAPI) -> None:
    """Complete the application's document from the routes and their endpoints, on its first use."""
    document = app.openapi

    def completed() -> dict[str, Any]:
        made = document()
        if "responses" not in made["components"]:
            _complete(made, app)
        return made

    app.openapi = completed  # type: ignore[method-assign]  # the documented way to extend it


def _complete(made: dict[str, Any], app: FastAPI) -> None:
    routes = {(method.lower(), route.path): route for route in api_routes(app) for method in route.methods or ()}
    components = made["components"]
    schema = Problem.model_json_schema(mode="serialization", ref_template=f"{_SCHEMAS}{{model}}")
    components["schemas"] |= {**schema.pop("$defs", {}), "Problem": schema}
    made["servers"] = [{"url": "/", "description": "This gateway."}]
    made["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
    operations: dict[str, tuple[str, str, dict[str, Any]]] = {}
    kinds: dict[str, dict[int, Kind]] = {}
    endpoints: list[Endpoint[Any, Any]] = []
    for path, methods in made["paths"].items():
        for method, operation in methods.items():
            endpoint = declared(routes[method, path])
            endpoints += [] if endpoint is None else [endpoint]
            _say_who(operation, endpoint)
            _complete_request(method, operation)
            kinds[operation["operationId"]] = _kinds(endpoint, operation)
            operations[operation["operationId"]] = (method, path, operation)
    _add_problems(components, operations, kinds, endpoints)
    _add_headers(operations)
    components["headers"] = HEADERS
    name_values(components["schemas"])
    complete_examples(components["schemas"])
    type_nulls(components["schemas"])
    write_integers(made["paths"])
    write_integers(components["schemas"])
    add_links(operations, components["schemas"])


def _say_who(operation: dict[str, Any], endpoint: Endpoint[Any, Any] | None) -> None:
    access = endpoint.access if endpoint else (Access.USER if operation.get("security") else Access.ANYONE)
    operation["description"] += f"\n\n{_WORDS[access]}"
    if access in _ROLES:
        operation["x-role"] = _ROLES[access]
    if endpoint is not None:
        operation["x-subject"] = endpoint.subject
    if not operation.get("security"):
        operation["security"] = []


def _complete_request(method: str, operation: dict[str, Any]) -> None:
    parameters = operation.setdefault("parameters", [])
    if "304" in operation["responses"]:
        parameters += [
            {"name": name, "in": "header", "description": text, "schema": {"type": "string", "examples": [example]}}
            for name, (text, example) in _READ_CONDITIONS.items()
        ]
    for parameter in parameters:
        parameter["schema"] = without_null(parameter["schema"])
        if parameter["in"] == "query":
            parameter["allowEmptyValue"] = True  # as forms send what nobody filled in: it is not set
        if parameter["name"] in _READ_CONDITIONS:
            required = parameter["name"] == "If-Match" and "428" in operation["responses"]
            parameter["required"] = required
            parameter["schema"]["pattern"] = _TAGS if required else _TAGS_OR_ANY
    if method == "patch":
        content = operation["requestBody"]["content"]
        content[MERGE_PATCH] = content["application/json"]


def _kinds(endpoint: Endpoint[Any, Any] | None, operation: dict[str, Any]) -> dict[int, Kind]:
    """The errors of an operation, those of the edge among them."""
    statuses = {str(status) for status in EDGE}
    if any(one["name"] in _READ_CONDITIONS for one in operation["parameters"]):
        statuses.add("412")
    for status in statuses:
        operation["responses"].setdefault(status, {})
    return {status: (status, names) for status, names in reasons(endpoint, operation).items()}


def _add_problems(
    components: dict[str, Any],
    operations: Operations,
    kinds: Mapping[str, Mapping[int, Kind]],
    endpoints: Iterable[Endpoint[Any, Any]],
) -> None:
    everything = [kind for of_operation in kinds.values() for kind in of_operation.values() if kind[1]]
    codes = {name: code for endpoint in endpoints for name, code in endpoint.codes.items()}
    names = shared(everything)
    components["responses"] = {name: described(kind) for kind, name in sorted(names.items(), key=lambda one: one[1])}
    components["examples"] = examples(everything, codes)
    for name, (_, _, operation) in operations.items():
        responses = operation["responses"]
        for status, kind in kinds[name].items():
            if kind[1]:
                reference = {"$ref": f"#/components/responses/{names[kind]}"} if kind in names else described(kind)
                responses[str(status)] = reference
        operation["responses"] = {status: responses[status] for status in sorted(responses)}


def _add_headers(operations: Operations) -> None:
    for _, _, operation in operations.values():
        rated = "invalid_credentials" in str(operation["responses"].get("401"))
        for status, response in operation["responses"].items():
            if status < "4":
                response["headers"] = {**response.get("headers", {}), **of_success(int(status), rated=rated)}
