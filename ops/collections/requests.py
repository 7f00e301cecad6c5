"""Reads requests out of the OpenAPI document: each operation with values for what it needs."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ops.collections.session import VARIABLES

_KEY: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Asked:
    """One request. Its texts may hold variables in double braces."""

    operation: str
    summary: str
    description: str
    tag: str
    method: str
    path: str
    """With its keys, without the query."""
    headers: Mapping[str, str]
    body: str | None

    @property
    def url(self) -> str:
        """The whole one."""
        return "{{gateway}}" + self.path


def requests(openapi: Mapping[str, Any]) -> Iterator[Asked]:
    """A request for every operation, with the examples of the document."""
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            parameters = operation.get("parameters", ())
            keys = {one["name"]: _value(one) for one in parameters if one["in"] == "path"}
            body = _body(openapi, operation)
            headers = {one["name"]: _value(one) for one in parameters if one["in"] == "header" and one.get("required")}
            if operation.get("security"):
                headers["Authorization"] = "Bearer {{token}}"
            if body is not None:
                headers["Content-Type"] = "application/json"
            yield Asked(
                *(operation["operationId"], operation["summary"], operation["description"], operation["tags"][0]),
                *(method.upper(), _KEY.sub(lambda key, keys=keys: keys[key[1]], path), headers, body),  # type: ignore[misc]
            )


def as_text(body: Any) -> str:  # noqa: ANN401  # any JSON
    """A body for people to read and change."""
    return json.dumps(body, indent=2, ensure_ascii=False)


def _value(parameter: Mapping[str, Any]) -> str:
    """A variable where there is one, or the example."""
    name = str(parameter["name"])
    return f"{{{{{name}}}}}" if name in VARIABLES else str(parameter["schema"].get("examples", [""])[0])


def _body(openapi: Mapping[str, Any], operation: Mapping[str, Any]) -> str | None:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    schema: Mapping[str, Any] = next(
        (one for one in content["schema"].get("anyOf", [content["schema"]]) if "$ref" in one), {}
    )
    shape = openapi["components"]["schemas"].get(schema.get("$ref", "").rpartition("/")[2], {})
    return as_text(shape.get("examples", [{}])[0])
