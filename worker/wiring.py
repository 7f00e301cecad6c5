"""The wiring of every worker: handlers by endpoint, token keys, health."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Final

from contracts.auth import GetJwks, Jwks
from mesh.client.client import Client
from mesh.core.version import package_version
from mesh.events.consumer import EventConsumer
from mesh.events.relay import Relay
from mesh.events.service import EventService
from mesh.process.settings import WorkerSettings
from mesh.security.verifier import Verifier
from mesh.service.health import Probe, health_monitor
from mesh.service.service import Service
from mesh.telemetry import catalogue
from mesh.telemetry.metrics import Sample, Source
from mesh.transport.base import Transport
from subjects import AUTH_JWKS, ENDPOINTS, EVENTS
from worker.answers import AnyEndpoint, AnyHandler, collect
from worker.events import Events, collect_events

Guard = Callable[[AnyEndpoint, AnyHandler], AnyHandler]
"""Wraps an endpoint's handler; returns it unchanged if the endpoint needs no guard."""


_NO_EVENTS: Final = Events()


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
    events: Events = _NO_EVENTS,
    sources: Sequence[Source] = (),
) -> Service:
    """The service `name`, ready to start. Its endpoints are answered by the methods of `handlers` that declare them.

    `probe` checks the service's database; None for a service without one. `fetch_keys` fetches the keys that verify
    tokens; by default from auth. `events` are the durable events that it handles and publishes. Their consumer and
    their relay start, pause and drain with the service. `sources` show the numbers of its database, if somebody asks.
    Raises StartError if the handlers do not match the endpoints and the events that subjects.py declares for the
    service.
    """
    collected = collect([endpoint for endpoint in ENDPOINTS if endpoint.service == name], handlers)
    consumed = collect_events(name, EVENTS, events.handlers, with_inbox=events.inbox is not None)
    verifier = Verifier(settings, fetch_keys or partial(Client(transport).call, AUTH_JWKS, GetJwks()))
    service = EventService(
        name,
        transport,
        version=package_version(),
        description=description,
        verify=verifier.verify,
        concurrency=settings.mesh_concurrency,
        queue_size=settings.mesh_queue_size,
    )
    service.sources = (*sources, partial(_of_tokens, verifier))
    for endpoint, handler in collected.items():
        service.add(endpoint, guard(endpoint, handler))
    if consumed:
        service.consumer = EventConsumer(
            name, transport, consumed, inbox=events.inbox, concurrency=settings.mesh_event_concurrency
        )
    if events.outbox is not None:
        service.relay = Relay(events.outbox, transport)
    await resources.enter_async_context(health_monitor(service, probe or _able, "the database does not answer"))
    return service


async def _able() -> None:
    """The probe of a service without a database."""


def _of_tokens(verifier: Verifier) -> Iterable[Sample]:
    yield Sample(catalogue.TOKENS, verifier.cached_tokens)
    yield Sample(catalogue.TOKENS_VERIFIED, verifier.verifications)
