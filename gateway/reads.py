"""Prints what the gateway reads of each reply, for tools that may not import the gateway."""

import json
from collections.abc import Iterator
from typing import Any, Final

from fastapi import FastAPI
from pydantic import TypeAdapter

from gateway.document import application
from gateway.routing.calls import callings
from gateway.routing.fastapi_inside import routes_of
from mesh.core.endpoint import Endpoint
from subjects import AUTH_JWKS, AUTH_SESSIONS_REVOKED

_WITHOUT_ROUTE: Final = (AUTH_JWKS, AUTH_SESSIONS_REVOKED)
"""What the gateway calls for itself (gateway/app.py)."""


def reads(app: FastAPI) -> dict[str, list[dict[str, Any]]]:
    """The JSON Schemas of the shapes that the gateway reads replies as, by subject."""
    found: dict[str, list[dict[str, Any]]] = {}
    for endpoint in (*_of_routes(app), *_WITHOUT_ROUTE):
        schemas = found.setdefault(endpoint.subject, [])
        if (schema := TypeAdapter(endpoint.reply).json_schema(mode="validation")) not in schemas:
            schemas.append(schema)
    return dict(sorted(found.items()))


def _of_routes(app: FastAPI) -> Iterator[Endpoint[Any, Any]]:
    for route in routes_of(app):
        if hasattr(route, "dependant"):
            yield from (calling.read_as for calling in callings(route.dependant))
        if (completion := getattr(route.original_route, "completion", None)) is not None:
            yield completion.read_as


def main() -> None:
    """Print them."""
    print(json.dumps(reads(application()), ensure_ascii=False))  # noqa: T201


if __name__ == "__main__":
    main()
