from collections.abc import AsyncIterator

import pytest
from httpx2 import AsyncClient

from devstack.stack.stack import Stack
from mesh.nats.settings import NatsSettings
from mesh.nats.transport import NatsTransport
from tests.support.http.people import bearer, log_in, register
from tests.support.servers.whole_mesh import http, stack

__all__ = ["http", "stack"]

Headers = dict[str, str]


@pytest.fixture(scope="module")
async def user(http: AsyncClient) -> Headers:
    """The headers of somebody who has just registered."""
    return bearer(await log_in(http, *await register(http)))


@pytest.fixture(scope="package")
async def operator(stack: Stack) -> AsyncIterator[NatsTransport]:
    """NATS as a person with `nats request` sees it."""
    settings = {"nats_url": stack.state.nats_url, **stack.state.operator.settings()}
    transport = await NatsTransport.connect(NatsSettings.model_validate(settings), "operator")
    yield transport
    await transport.close()
