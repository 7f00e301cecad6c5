"""The wiring of every worker: handlers by endpoint, token keys, health."""

from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from functools import partial

from contracts.auth import GetJwks, Jwks
from mesh.client.client import Client
from mesh.core.version import package_version
from mesh.process.settings import WorkerSettings
from mesh.security.verifier import Verifier
from mesh.service.health import Probe, health_monitor
from mesh.service.service import Service
from mesh.transport.base import Transport
from subjects import AUTH_JWKS, ENDPOINTS
from worker.answers import AnyEndpoint, AnyHandler, collect

Guard = Callable[[AnyEndpoint, AnyHandler], AnyHandler]
"""Wraps an endpoint's handler; returns it unchanged if the endpoint needs no guard."""


def _unguarded(_: AnyEndpoint, handler: AnyHandler) -> AnyHandler:
    return handler


async def wire(  # noqa: PLR0913  # each by name
    name: str,
    settings: WorkerSettings,
    transport: Transport,
    resources: AsyncExitStack,
    *,
    description: str,
    handlers: Iterable[object],
    probe: Probe | None,
    fetch_keys: Callable[[], Awaitable[Jwks]] | None = None,
    guard: Guard = _unguarded,
) -> Service:
    """The service `name`, ready to start. Its endpoints are answered by the methods of `handlers` that declare them.

    `probe` checks the service's database; None for a service without one. `fetch_keys` fetches the keys that
    verify tokens; by default from auth. Raises StartError if the handlers do not match the service's endpoints.
    """
    collected = collect([endpoint for endpoint in ENDPOINTS if endpoint.service == name], handlers)
    service = Service(
        name,
        transport,
        version=package_version(),
        description=description,
        verify=Verifier(settings, fetch_keys or partial(Client(transport).call, AUTH_JWKS, GetJwks())).verify,
        concurrency=settings.mesh_concurrency,
        queue_size=settings.mesh_queue_size,
    )
    for endpoint, handler in collected.items():
        service.add(endpoint, guard(endpoint, handler))
    if probe is not None:
        await resources.enter_async_context(health_monitor(service, probe, "the database does not answer"))
    return service
