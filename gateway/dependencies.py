"""What `app.build` wired and the routes use, typed."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends
from starlette.requests import Request

from gateway.access.revocations import Revocations
from gateway.upstream.client import GuardedClient
from gateway.upstream.readiness import Readiness
from mesh.client.instances import Instances
from mesh.security.verifier import Verifier


@dataclass(frozen=True)
class Parts:
    """One application's parts, kept in its `state.parts`."""

    client: GuardedClient
    verifier: Verifier
    revocations: Revocations
    readiness: Readiness
    instances: Instances
    """Whoever runs the application has them watched."""
    login_attempts: int
    """How many passwords auth lets anybody try at once, for the headers of its answers."""


def parts(request: Request) -> Parts:
    """The parts of the application that the request came to."""
    return cast("Parts", request.app.state.parts)


async def _client(request: Request) -> GuardedClient:
    return parts(request).client


Mesh = Annotated[GuardedClient, Depends(_client)]
"""How a route asks the services."""
