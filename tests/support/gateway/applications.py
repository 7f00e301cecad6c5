"""The gateway's application, built once for each settings: that takes longer than most tests, and changes nothing."""

from fastapi import FastAPI

from gateway.app import build, wire
from gateway.settings import GatewaySettings
from mesh.transport.base import Transport
from mesh.transport.memory import MemoryBroker, MemoryTransport

_BUILT: dict[str, FastAPI] = {}


def application(settings: GatewaySettings, transport: Transport) -> FastAPI:
    """The application, wired to this transport, and with middleware that has served nobody, on whichever event loop."""
    app = _BUILT.get(repr(settings))
    if app is None:
        app = _BUILT[repr(settings)] = build(settings, MemoryTransport(MemoryBroker()))
    app.state.dependencies = wire(settings, transport)
    app.middleware_stack = None
    return app
