"""Enforces access: who may use a route follows from its endpoint, and is checked before anything is published."""

from dataclasses import dataclass
from typing import Any

from fastapi import Depends
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import Request

from gateway.dependencies import dependencies
from mesh.core import context
from mesh.core.context import Caller
from mesh.core.endpoint import Access, Endpoint
from mesh.core.errors import CallError, Unauthenticated, Unavailable
from mesh.security.verifier import require_access


async def caller(request: Request) -> Caller:
    """The end user, from the request's access token.

    Raises Unauthenticated without a valid token of a live session, Unavailable if the keys to verify it cannot be
    fetched.
    """
    current = context.current()
    if current is None or current.authorization is None:
        raise Unauthenticated("token_required", "an access token is required")
    known = dependencies(request)
    try:
        caller = await known.verifier.verify(current.authorization)
        await known.revocations.require_alive(caller)
    except CallError as error:
        why = "access tokens cannot be verified: the auth service is not available"
        raise Unavailable("keys_unavailable", why) from error
    return caller


@dataclass(frozen=True)
class Open:
    """The guard of an endpoint that anyone may use."""

    endpoint: Endpoint[Any, Any]

    async def __call__(self) -> None:
        """Let everyone pass."""


@dataclass(frozen=True)
class Guarded(SecurityBase):
    """The guard of what requires an access token."""

    access: Access

    # For OpenAPI.
    scheme_name = "bearer"
    model = HTTPBearer(bearerFormat="JWT", description="The access token of `POST /v1/auth/login`.")

    async def __call__(self, request: Request) -> None:
        """Let users pass whose roles allow it."""
        require_access(self.access, await caller(request))


def guard(endpoint: Endpoint[Any, Any]) -> Any:  # noqa: ANN401  # what Depends() returns
    """The dependency that enforces the endpoint's `access`."""
    return Depends(Open(endpoint) if endpoint.access is Access.ANYONE else Guarded(endpoint.access))
