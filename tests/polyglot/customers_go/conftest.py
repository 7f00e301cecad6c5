from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from devstack.home.credentials import load_credentials
from devstack.stack.settings import StackSettings
from devstack.stack.stack import Stack
from mesh.nats.settings import NatsSettings
from mesh.nats.transport import NatsTransport
from tests.support.contract.callers import Wire
from tests.support.customers_go import go, serving


@pytest.fixture(scope="session")
def customers_go(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, built."""
    program = tmp_path_factory.mktemp("go") / "customers"
    go("build", "-o", str(program), ".")
    return program


@pytest.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory, customers_go: Path) -> AsyncIterator[Stack]:
    """`mesh up --without customers`, with a worker in Go."""
    settings = StackSettings(home=tmp_path_factory.mktemp("mesh"), http_port=0, without=("customers",))
    async with Stack(settings) as stack, serving(stack, customers_go):
        yield stack


@pytest.fixture(scope="session")
async def wire(stack: Stack, operator: NatsTransport) -> AsyncIterator[Wire]:
    """Raw requests, as the gateway or the operator sends them."""
    transport = await connected(stack, load_credentials(stack.state.home).nats["gateway"], "gateway")
    yield Wire({"gateway": transport, "operator": operator})
    await transport.close()


@pytest.fixture(scope="session")
async def operator(stack: Stack) -> AsyncIterator[NatsTransport]:
    """NATS as the operator sees it, who may ask for statistics."""
    transport = await connected(stack, load_credentials(stack.state.home).nats["operator"], "operator")
    yield transport
    await transport.close()


async def connected(stack: Stack, seed: str, user: str) -> NatsTransport:
    """A connection of that user."""
    settings = {"nats_url": stack.state.nats_url, "nats_nkey_seed": seed}
    return await NatsTransport.connect(NatsSettings.model_validate(settings), user)


@pytest.fixture(scope="module")
async def admin_token(stack: Stack, wire: Wire) -> str:
    """The access token of an administrator; for one module, since it lives for minutes only."""
    return (await wire.log_in(stack.state.admin.email, stack.state.admin.password)).access_token
