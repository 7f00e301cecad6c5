"""Who may use a route: declared by the endpoint that it calls, enforced before anything is published."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.openapi.models import HTTPBearer
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.security.base import SecurityBase
from starlette.requests import Request
from starlette.routing import BaseRoute

from gateway.dependencies import parts
from mesh.core import context
from mesh.core.context import Caller
from mesh.core.endpoint import Access, Endpoint
from mesh.core.errors import CallError, Unauthenticated, Unavailable
from mesh.security.verifier import require_access


async def caller(request: Request) -> Caller:
    """The end user whom the request's access token proves.

    Raises Unauthenticated without a valid token of a session that goes on, Unavailable where the keys to verify it
    cannot be had.
    """
    current = context.current()
    if current is None or current.authorization is None:
        raise Unauthenticated("token_required", "an access token is needed here")
    known = parts(request)
    try:
        caller = await known.verifier.verify(current.authorization)
        await known.revocations.demand_alive(caller)
    except CallError as error:
        why = "access tokens cannot be verified: the auth service is not available"
        raise Unavailable("keys_unavailable", why) from error
    return caller


@dataclass(frozen=True)
class Open:
    """The dependency by which a route declares an endpoint that anyone may use."""

    endpoint: Endpoint[Any, Any]

    async def __call__(self) -> None:
        """Let everybody pass."""


@dataclass(frozen=True)
class Guarded(SecurityBase):
    """The dependency by which a route declares an endpoint that wants an access token."""

    endpoint: Endpoint[Any, Any]

    # For OpenAPI.
    scheme_name = "bearer"
    model = HTTPBearer(bearerFormat="JWT", description="The access token of `POST /v1/auth/login`.")

    async def __call__(self, request: Request) -> None:
        """Let those pass whose roles allow it."""
        require_access(self.endpoint.access, await caller(request))


def declares(endpoint: Endpoint[Any, Any]) -> Any:  # noqa: ANN401  # what Depends() returns
    """Declare which endpoint a route calls, and have its `access` enforced."""
    return Depends(Open(endpoint) if endpoint.access is Access.ANYONE else Guarded(endpoint))


def declared(route: BaseRoute | None) -> Endpoint[Any, Any] | None:
    """The endpoint that a route declares."""
    for dependency in route.dependencies if isinstance(route, APIRoute) else ():
        if isinstance(dependency.dependency, Open | Guarded):
            return dependency.dependency.endpoint
    return None


def api_routes(app: FastAPI) -> Iterator[APIRoute]:
    """Every route that a function of ours answers."""
    for found in iter_route_contexts(app.routes):
        if isinstance(found.original_route, APIRoute):
            yield found.original_route


def refuse_undeclared(app: FastAPI, without: frozenset[str]) -> None:
    """Raise RuntimeError for a route that declares no endpoint, but for the paths in `without`."""
    for route in api_routes(app):
        if declared(route) is None and route.path not in without:
            raise RuntimeError(f"{route.path} does not declare which endpoint it calls, so nobody knows who may")
