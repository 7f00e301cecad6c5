"""The console's process: listens, serves until SIGTERM, and ends open pages."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Final

import httpx2
import structlog
import uvicorn

from console.app import build
from console.settings import ConsoleSettings
from console.watch import Watch
from mesh.nats.transport import NatsTransport
from mesh.process.listening import bound_socket
from mesh.process.run import read_settings, stopped_or_lost, unless_stopped

log = structlog.get_logger()

_DRAIN: Final = 2
"""Seconds for open requests to end."""


async def serve(stop: asyncio.Event) -> None:
    """Serve the page until `stop` is set.

    Raises StartError if the address is not available, Disconnected without NATS, Stopped if `stop` is set first.
    """
    settings = read_settings(ConsoleSettings)
    with bound_socket(settings.console_host, settings.console_port, "CONSOLE") as listening:
        transport = await unless_stopped(stop, NatsTransport.connect(settings, "console"))
        try:
            async with httpx2.AsyncClient(trust_env=False) as http:
                watch = Watch(settings, transport, http)
                server = _Server(_config(build(settings, watch)))
                async with watch.running():
                    serving = asyncio.create_task(server.serve(sockets=[listening]))
                    host, port = listening.getsockname()[:2]
                    log.info("console_started", host=host, port=port)
                    try:
                        await stopped_or_lost(stop, transport)
                    finally:
                        server.should_exit = True
                        watch.closing.set()
                        await serving
        finally:
            await transport.close()


def _config(app: object) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]  # an ASGI application
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        workers=1,
        forwarded_allow_ips="",
        timeout_graceful_shutdown=_DRAIN,
    )


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: SIGTERM is mesh.process.run's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
