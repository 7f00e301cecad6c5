"""What the routes of an application declare, and the check that none omits it."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from gateway.routing.calls import calls_within
from gateway.routing.fastapi_inside import routes_of
from gateway.routing.read_only import CHANGES, read_only_fields
from gateway.routing.route import JsonRoute
from mesh.core.endpoint import Endpoint


def declared(route: BaseRoute | None) -> Endpoint[Any, Any] | None:
    """The endpoint that a route calls; None if it calls none."""
    return route.calls if isinstance(route, JsonRoute) else None


def api_routes(app: FastAPI) -> Iterator[APIRoute]:
    """Every route that one of our functions answers."""
    for found in routes_of(app):
        if isinstance(found.original_route, APIRoute):
            yield found.original_route


def refuse_undeclared(app: FastAPI, without: frozenset[str]) -> None:
    """Raise RuntimeError for a route that does not declare the one endpoint it calls.

    The paths in `without` may call none.
    """
    for found in routes_of(app):
        route = found.original_route
        if not isinstance(route, APIRoute):
            continue
        endpoint = declared(route)
        if endpoint is None and route.path not in without:
            raise RuntimeError(f"{route.path} declares no endpoint, so its access is undefined")
        if calls_within(found.dependant) != ([] if endpoint is None else [endpoint]):
            raise RuntimeError(f"{route.path} calls an endpoint that none of its own arguments declares")


def declare_read_only(app: FastAPI) -> None:
    """Tell each route that changes a resource which of the fields that GET shows at its path it cannot change."""
    routes = [route for route in api_routes(app) if isinstance(route, JsonRoute)]
    shown = {route.path: route.response_model for route in routes if "GET" in (route.methods or ())}
    for route in routes:
        if route.body_field is not None and not CHANGES.isdisjoint(route.methods or ()):
            route.read_only = read_only_fields(shown.get(route.path), route.body_field.field_info.annotation)
