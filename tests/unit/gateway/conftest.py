from collections.abc import AsyncIterator
from typing import Final

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient

from gateway.app import build, wire
from gateway.settings import GatewaySettings
from mesh.transport.memory import MemoryBroker, MemoryTransport
from tests.support.gateway.tokens import bearer
from tests.support.gateway.world import World

SETTINGS: Final = GatewaySettings(gateway_max_body=10_000, gateway_timeout=1.0)


@pytest.fixture
def transport(world: World) -> MemoryTransport:
    """The gateway's connection to the mesh."""
    return MemoryTransport(world.broker, "gateway")


@pytest.fixture(scope="session")
def application() -> FastAPI:
    """The application without anything behind it: that takes time to build, and does not change."""
    return build(SETTINGS, MemoryTransport(MemoryBroker()))


@pytest.fixture
def app(application: FastAPI, transport: MemoryTransport) -> FastAPI:
    """The gateway's application, with parts of this test's own."""
    application.state.dependencies = wire(SETTINGS, transport)
    return application


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[AsyncClient]:
    """An HTTP client of the gateway, without a token."""
    async with AsyncClient(transport=ASGITransport(app), base_url="http://gateway.test") as client:
        yield client


@pytest.fixture
def user() -> dict[str, str]:
    """The headers of a user."""
    return bearer("USER")


@pytest.fixture
def admin() -> dict[str, str]:
    """The headers of an administrator."""
    return bearer("ADMIN")
