from collections.abc import AsyncIterator, Mapping

import pytest
from pymongo import AsyncMongoClient

from devstack.home.credentials import load_credentials
from devstack.stack.stack import Stack
from mesh.nats.settings import NatsSettings
from mesh.nats.transport import NatsTransport
from tests.support.contract.callers import Account, Wire
from tests.support.contract.givens import Givens


@pytest.fixture(scope="session")
async def wire(stack: Stack) -> AsyncIterator[Wire]:
    """NATS as the gateway sees it, which alone may send requests that change something; and as an operator does."""
    seed = load_credentials(stack.state.home).nats["gateway"]
    settings: dict[str, object] = {"nats_url": stack.state.nats_url, "nats_nkey_seed": seed}
    transport = await NatsTransport.connect(NatsSettings.model_validate(settings), "gateway")
    settings = {"nats_url": stack.state.nats_url, **stack.state.operator.settings()}
    operator = await NatsTransport.connect(NatsSettings.model_validate(settings), "operator")
    yield Wire(transport, operator)
    await transport.close()
    await operator.close()


@pytest.fixture(scope="session")
async def accounts(stack: Stack, wire: Wire) -> Mapping[str, Account]:
    """On whose behalf the examples ask."""
    admin = stack.state.admin
    deleted = await wire.register()
    async with AsyncMongoClient[dict[str, object]](stack.state.databases["auth"]) as mongo:
        gone = await mongo.get_default_database()["users"].delete_one({"email": deleted.email})
        assert 1 == gone.deleted_count
    return {
        "user": await wire.register(),
        "admin": await wire.log_in(admin.email, admin.password),
        "deleted user": deleted,
        "changing user": await wire.register(),
        "fresh user": await wire.register(),
        "leaving user": await wire.register(),
    }


@pytest.fixture
def givens(wire: Wire, accounts: Mapping[str, Account]) -> Givens:
    """What the example's braces stand for."""
    return Givens(wire, accounts)
