"""The gateway process: listens, serves, and on SIGTERM finishes requests in flight."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import Awaitable, Iterator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final

import structlog
import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.app import build
from gateway.http.protocol import protocol
from gateway.semantics.problem_types import problem_types
from gateway.settings import GatewaySettings
from mesh.nats.transport import NatsTransport
from mesh.process.garbage import tune_garbage_collection
from mesh.process.listening import bound_socket
from mesh.process.metrics import measure_transport
from mesh.process.run import measuring, read_settings, stopped_or_lost, tracing, unless_stopped
from mesh.telemetry.metrics import Metrics
from mesh.transport.base import Transport

if TYPE_CHECKING:
    from mesh.telemetry.tracing import Tracer

log = structlog.get_logger()

_BACKLOG = 2048
UNACKNOWLEDGED: Final = 45.0
"""Seconds without an acknowledgement after which a client counts as gone. An event stream sends every 15 s."""
_KEEP_ALIVE = 15
"""Seconds of silence after which the kernel asks whether the client is still there."""


async def serve(stop: asyncio.Event) -> None:
    """Serve HTTP until `stop` is set.

    Raises StartError if the address is not available or NATS closed the connection for good, Disconnected without NATS,
    Stopped if `stop` is set before there is a connection.
    """
    settings = read_settings(GatewaySettings)
    problem_types()  # read now, not by the first request that fails
    unacknowledged = max(UNACKNOWLEDGED, settings.gateway_write_timeout)  # a client may be as slow as the setting says
    async with AsyncExitStack() as resources:
        listening = resources.enter_context(
            listener(
                settings.gateway_host,
                settings.gateway_port,
                reuse=settings.gateway_reuse_port,
                unacknowledged=unacknowledged,
            )
        )
        tracer = resources.enter_context(tracing("gateway"))
        metrics = await resources.enter_async_context(measuring("gateway"))
        transport = await unless_stopped(stop, NatsTransport.connect(settings, "gateway"))
        resources.push_async_callback(
            transport.close
        )  # after everything is served: it ends calls that wait for a reply
        if metrics is not None:
            measure_transport(transport, metrics)
        await serve_until(stop, settings, transport, listening, tracer, metrics=metrics)


def listener(host: str, port: int, *, reuse: bool = False, unacknowledged: float = UNACKNOWLEDGED) -> socket.socket:
    """A bound socket that accepts no connections until it is served.

    A connection breaks if its client acknowledges nothing for `unacknowledged` seconds: it went without a FIN.

    With `reuse`, several processes may share the port, and Linux distributes connections among them. Each has its own
    accept queue, and connections in it are reset when its process ends. To lose none, give each gateway its own port
    and put a load balancer in front (ADR 9). Raises StartError if the address is not available.
    """

    def prepare(bound: socket.socket) -> None:
        if reuse:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        _bound_silence(bound, unacknowledged)

    return bound_socket(host, port, "GATEWAY", prepare)


def _bound_silence(listening: socket.socket, seconds: float) -> None:
    """Have the kernel break silent connections (RFC 5482). Accepted sockets inherit this, so it costs them nothing."""
    if sys.platform == "linux":  # elsewhere the kernel decides
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(seconds * 1000))
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL):
            listening.setsockopt(socket.IPPROTO_TCP, option, _KEEP_ALIVE)


async def serve_until(  # noqa: PLR0913  # the last one by name
    stop: asyncio.Event,
    settings: GatewaySettings,
    transport: Transport,
    listening: socket.socket,
    tracer: "Tracer | None" = None,
    *,
    metrics: Metrics | None = None,
) -> None:
    """Serve on the socket until `stop` is set, then finish requests in flight."""
    app = build(settings, transport, tracer, metrics=metrics)
    server = _Server(_config(settings, app))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    host, port = listening.getsockname()[:2]
    tune_garbage_collection()
    log.info("gateway_started", host=host, port=port)
    known = app.state.dependencies
    async with known.instances.monitored(), known.feed.watched(), known.cache.listening():
        try:
            await stopped_or_lost(stop, transport)
            known.readiness.stopping = True
            await asyncio.sleep(settings.gateway_stop_delay)
        finally:
            known.followers.close()
            server.should_exit = True
            await serving
    log.info("gateway_drained")


def _config(settings: GatewaySettings, app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        straight(app),
        http=protocol(settings),
        interface="asgi3",  # uvicorn would take a function that is not async for ASGI 2
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",  # it warns once per odd request, which RequestContext logs as well
        access_log=False,  # RequestContext writes it
        server_header=False,
        proxy_headers=False,
        workers=1,  # explicit, or uvicorn reads WEB_CONCURRENCY
        forwarded_allow_ips="",  # explicit, or uvicorn reads FORWARDED_ALLOW_IPS
        backlog=_BACKLOG,
        timeout_keep_alive=settings.gateway_keep_alive,  # type: ignore[arg-type]  # annotated int, used as a float
        timeout_graceful_shutdown=round(settings.gateway_timeout) + 1,
    )


def straight(app: FastAPI) -> ASGIApp:
    """The application, called at its middleware.

    FastAPI and Starlette each take a coroutine to look for telemetry and lifespan. Both are off.
    """
    app.middleware_stack = stack = app.build_middleware_stack()

    def call(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        scope["app"] = app
        return stack(scope, receive, send)

    return call


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: SIGTERM is mesh.process.run's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
