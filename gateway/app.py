"""The gateway's one wiring place: from settings and a transport to an ASGI application."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline

from contracts.auth import GetJwks
from gateway import problems as errors
from gateway.access.revocations import WITHIN as REVOCATIONS_WITHIN
from gateway.access.revocations import Revocations
from gateway.api.about import docs
from gateway.api.about import routes as about
from gateway.api.auth import account, audit, mail, users
from gateway.api.auth import sessions as auth
from gateway.api.carts import routes as carts
from gateway.api.contracts import routes as contracts
from gateway.api.customers import routes as customers
from gateway.api.events import routes as events
from gateway.api.health import routes as health
from gateway.api.notifications import routes as notifications
from gateway.api.orders import routes as orders
from gateway.api.products import categories_routes as categories
from gateway.api.products import inventory_routes as inventory
from gateway.api.products import prices_routes as prices
from gateway.api.products import routes as products
from gateway.api.products import stock_routes as stock
from gateway.api.products import suppliers_routes as suppliers
from gateway.api.shipping import routes as shipping
from gateway.api.together import routes as together
from gateway.dependencies import Dependencies
from gateway.measures import HttpMeasures, measure_upstream
from gateway.middleware.body import BodyLimit
from gateway.middleware.bulkhead import Bulkhead
from gateway.middleware.compression import Compression, secret_paths
from gateway.middleware.conditional_reads import ConditionalReads
from gateway.middleware.cors import CrossOrigin
from gateway.middleware.deprecations import Deprecations, retiring
from gateway.middleware.head import HeadLimit
from gateway.middleware.methods import Methods
from gateway.middleware.methods import routes as known_routes
from gateway.middleware.request_context import RequestContext, last_resort
from gateway.middleware.trailing_slash import TrailingSlash
from gateway.openapi.document import complete_document
from gateway.reshaping.document import describe
from gateway.reshaping.inner import entrance
from gateway.reshaping.middleware import Reshaping
from gateway.reshaping.offers import offers
from gateway.routing.declarations import api_routes, declare_read_only, declared, refuse_undeclared
from gateway.routing.fast_path.cached_reads import CachedReads
from gateway.routing.fast_path.middleware import FastPath, Route
from gateway.routing.fast_path.middleware import routes as compiled_routes
from gateway.routing.fast_path.representations import CompiledReads, FastApisReads
from gateway.routing.fastapi_inside import Insides, routes_of
from gateway.routing.shadowing import refuse_shadowed
from gateway.settings import MIB, GatewaySettings
from gateway.upstream.client import GuardedClient
from gateway.upstream.contracts import InstanceContracts
from gateway.upstream.feed import Feed
from gateway.upstream.followers import Followers
from gateway.upstream.readiness import Readiness
from gateway.upstream.response_cache import ResponseCache
from mesh.client.client import Client
from mesh.client.instances import Instances
from mesh.core.version import package_version
from mesh.security.verifier import Verifier
from mesh.telemetry.metrics import Metrics
from mesh.transport.base import Transport
from subjects import (
    AUTH_JWKS,
    AUTH_LOGIN,
    AUTH_PASSWORD_CHANGE,
    AUTH_PASSWORD_RESET,
    AUTH_REGISTER,
    AUTH_SESSIONS_REVOKED,
    ENDPOINTS,
    EVENTS,
    EVENTS_PRODUCTS_CATEGORY_CHANGED,
    EVENTS_PRODUCTS_CHANGED,
)

if TYPE_CHECKING:
    from mesh.telemetry.tracing import Tracer

_HASHING = (AUTH_LOGIN, AUTH_REGISTER, AUTH_PASSWORD_CHANGE, AUTH_PASSWORD_RESET)
"""Endpoints for which auth hashes a password."""
DROPPED_BY: Final = (EVENTS_PRODUCTS_CHANGED, EVENTS_PRODUCTS_CATEGORY_CHANGED)
"""The events that drop responses from memory: those of what the cached endpoints show."""
_REDOC = {"/redoc"}

_DESCRIPTION = """\
Northwind's customers, products and orders over HTTP, answered by services behind NATS.

Every error is a problem document (RFC 9457, `application/problem+json`). Its `type` is the path of a page that says
what to do. Quote its `request_id` when you ask for help.
Lists are paged: pass `next_cursor` as `cursor` to get the next page. A resource with a version carries it as `ETag`.
Conditional requests (RFC 9110, section 13) work on every path: 412 if a condition fails. HEAD works wherever GET does.
OPTIONS lists the methods of a path.
"""


def build(  # noqa: PLR0913  # the last ones by name
    settings: GatewaySettings,
    transport: Transport,
    tracer: "Tracer | None" = None,
    *,
    metrics: Metrics | None = None,
    fast: bool = True,
    insides: Insides = Insides(),  # noqa: B008  # it is frozen
) -> FastAPI:
    """Wire the application. Raises RuntimeError for a route that declares no endpoint, or that another route hides.

    `tracer`: None disables tracing. `metrics`: None measures nothing. `fast`: whether to use the fast path; responses
    are the same without it, and a test compares them. `insides`: FastAPI's, as another version may have them.
    """
    app = FastAPIOffline(
        docs_url=None,  # gateway/api/about/docs.py has the page
        title="Northwind mesh",
        version=package_version(),
        description=_DESCRIPTION,
        exception_handlers={**errors.HANDLERS, Exception: last_resort},
        generate_unique_id_function=_operation_id,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # each request would look for OpenTelemetry
    )
    app.state.dependencies = parts = wire(settings, transport)
    if metrics is not None:
        measure_upstream(parts.client, parts.verifier, parts.cache, metrics)
    for routes in (
        *(auth, account, mail, users, audit, customers, stock, prices, inventory, products, categories, suppliers),
        *(carts, orders, shipping, notifications, events, together, health, contracts, about, docs),
    ):
        app.include_router(routes.router)
    pages = about.PATHS | docs.PATHS | _REDOC
    refuse_undeclared(app, without=health.PATHS | events.PATHS | contracts.PATHS | together.PATHS | pages)
    refuse_shadowed(app)
    declare_read_only(app)
    describe(app, offers(routes_of(app)))
    complete_document(app)
    compiled = tuple(compiled_routes(app, insides))
    known = any(route.compiled for route in compiled)
    app.state.representations = CompiledReads(compiled) if known else FastApisReads(app.router, compiled)
    _add_middleware(app, settings, tracer, metrics, compiled if fast and known else ())
    return app


def _add_middleware(
    app: FastAPI,
    settings: GatewaySettings,
    tracer: "Tracer | None",
    metrics: Metrics | None,
    compiled: Sequence[Route],
) -> None:
    """Add the middleware. The one added last is the outermost."""
    app.add_middleware(Methods, routes=known_routes(app))
    if compiled:
        app.add_middleware(FastPath, routes=compiled, cached=CachedReads(app.state.dependencies.cache))
    app.add_middleware(Reshaping, offers=offers(routes_of(app)), timeout=settings.gateway_timeout)
    app.add_middleware(ConditionalReads)
    app.add_middleware(Compression, secret=secret_paths(known_routes(app)))
    hashing = {route.path for route in api_routes(app) if declared(route) in _HASHING}
    app.add_middleware(
        Bulkhead, paths=hashing, at_once=settings.gateway_logins_at_once, waiting=settings.gateway_logins_waiting
    )
    app.add_middleware(BodyLimit, limit=settings.max_body)
    if routes := retiring(known_routes(app)):
        app.add_middleware(Deprecations, routes=routes)
    app.add_middleware(TrailingSlash)
    app.add_middleware(HeadLimit, limits=settings)
    if settings.gateway_cors_origins:
        app.add_middleware(CrossOrigin, allow_origins=settings.gateway_cors_origins)
    app.add_middleware(entrance, state=app.state)
    app.add_middleware(
        RequestContext,
        timeout=settings.gateway_timeout,
        proxies=settings.gateway_trusted_proxies,
        tracer=tracer,
        measures=None if metrics is None else HttpMeasures(metrics),
    )


def wire(settings: GatewaySettings, transport: Transport) -> Dependencies:
    """Build what the routes use."""
    services = {endpoint.service for endpoint in ENDPOINTS}
    cache = ResponseCache(transport, DROPPED_BY, settings.gateway_cache * MIB)
    instances = Instances(transport, services)
    client = GuardedClient(
        Client(transport, instances), services, _HASHING, settings, settings.gateway_timeout, wrote=cache.changed
    )
    followers = Followers(settings)
    revocations = Revocations(
        transport,
        partial(client.call, AUTH_SESSIONS_REVOKED, timeout=REVOCATIONS_WITHIN),
        ended=followers.end_sessions,
    )
    return Dependencies(
        client,
        Verifier(settings, partial(client.call, AUTH_JWKS, GetJwks())),
        revocations,
        Readiness(transport, services, revocations.known),
        instances,
        Feed(transport, EVENTS, followers.deliver, followers.end_streams),
        followers,
        InstanceContracts(transport, ENDPOINTS),
        cache,
        settings,
    )


def _operation_id(route: APIRoute) -> str:
    return route.name
