"""Links from an operation to those that its response makes possible: OpenAPI's link objects."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.openapi.shapes import named

Operations = Mapping[str, tuple[str, str, dict[str, Any]]]
"""Method, path and operation, by its name."""

_MATCH: Final = "If-Match"


def add_links(operations: Operations, schemas: Mapping[str, Any]) -> None:
    """Link each response with a resource to the operations at its key, and each page to the next one."""
    for name, (_, _, operation) in operations.items():
        for status, response in operation["responses"].items():
            if status < "3" and (shape := _shape(response, schemas)) is not None:
                links = {target: link for target, link in _links(name, operations, response, shape) if target != name}
                links |= _next_page(name, operation, shape)
                if links:
                    response["links"] = links


def _shape(response: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any] | None:
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    shape: Mapping[str, Any] | None = schemas.get(named(schema))
    return shape


def _links(
    name: str, operations: Operations, response: Mapping[str, Any], shape: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    own = operations[name][1]
    for target, (method, path, operation) in operations.items():
        keys = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"]
        if not keys or not all(_is_text_or_number(shape, key) for key in keys):
            continue
        if method != "get" and not own.startswith(path) and path != own:
            continue  # a change is linked from its own resource alone
        parameters = {f"path.{key}": f"$response.body#/{key}" for key in keys}
        if "ETag" in response.get("headers", ()) and path == own and _takes_version(operation):
            parameters[f"header.{_MATCH}"] = "$response.header.ETag"
        yield target, {"operationId": target, "parameters": parameters, "description": operation["summary"]}


def _is_text_or_number(shape: Mapping[str, Any], key: str) -> bool:
    """Whether the key is always there and not null."""
    return shape.get("properties", {}).get(key, {}).get("type") in {"string", "integer"}


def _takes_version(operation: Mapping[str, Any]) -> bool:
    return any(one["name"] == _MATCH for one in operation.get("parameters", ()))


def _next_page(name: str, operation: Mapping[str, Any], shape: Mapping[str, Any]) -> dict[str, Any]:
    known = [(one["in"], one["name"]) for one in operation.get("parameters", ())]
    if "next_cursor" not in shape.get("properties", ()) or ("query", "cursor") not in known:
        return {}
    keys = {f"path.{name}" for place, name in known if place == "path"}
    parameters = {key: f"$request.{key}" for key in sorted(keys)}
    cursor = {"query.cursor": "$response.body#/next_cursor"}
    return {
        "next_page": {
            "operationId": name,
            "parameters": {**parameters, **cursor},
            "description": "The next page, if there is one.",
        }
    }
