"""The dependencies that `app.build` wires and the routes use, typed."""

from dataclasses import dataclass

from starlette.requests import Request

from gateway.access.revocations import Revocations
from gateway.settings import HttpLimits
from gateway.upstream.client import GuardedClient
from gateway.upstream.contracts import InstanceContracts
from gateway.upstream.feed import Feed
from gateway.upstream.followers import Followers
from gateway.upstream.readiness import Readiness
from gateway.upstream.response_cache import ResponseCache
from mesh.client.instances import Instances
from mesh.security.verifier import Verifier


@dataclass(frozen=True)
class Dependencies:
    """The dependencies of one application, kept in its `state.dependencies`."""

    client: GuardedClient
    verifier: Verifier
    revocations: Revocations
    readiness: Readiness
    instances: Instances
    """Polled by the process that runs the application."""
    feed: Feed
    """Watched by the process that runs the application."""
    followers: Followers
    contracts: InstanceContracts
    cache: ResponseCache
    """Listens in the process that runs the application."""
    limits: HttpLimits


def dependencies(request: Request) -> Dependencies:
    """The dependencies of the application that serves the request."""
    found: Dependencies = request.scope["app"].state.dependencies
    return found
