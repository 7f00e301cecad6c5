"""What `app.build` wired and the routes use, typed."""

from dataclasses import dataclass
from typing import cast

from starlette.requests import Request

from gateway.access.revocations import Revocations
from gateway.upstream.client import GuardedClient
from gateway.upstream.readiness import Readiness
from mesh.client.instances import Instances
from mesh.security.verifier import Verifier


@dataclass(frozen=True)
class Dependencies:
    """What one application's routes use, kept in its `state.dependencies`."""

    client: GuardedClient
    verifier: Verifier
    revocations: Revocations
    readiness: Readiness
    instances: Instances
    """The process that runs the application polls them."""


def dependencies(request: Request) -> Dependencies:
    """What the application that the request came to has for its routes."""
    return cast("Dependencies", request.app.state.dependencies)
