from collections.abc import AsyncIterator, Mapping

import pytest
from pymongo import AsyncMongoClient

from devstack.credentials import load_credentials
from devstack.stack import Stack
from mesh.settings import NatsSettings
from mesh.transport import NatsTransport
from tests.contract.callers import Account, Wire
from tests.contract.givens import Givens


@pytest.fixture(scope="session")
async def wire(stack: Stack) -> AsyncIterator[Wire]:
    """NATS as the gateway sees it: of all users, it alone may send requests that change something."""
    password = load_credentials(stack.state.home).nats["gateway"]
    settings = {"nats_url": stack.state.nats_url, "nats_user": "gateway", "nats_password": password}
    transport = await NatsTransport.connect(NatsSettings.model_validate(settings), "gateway")
    yield Wire(transport)
    await transport.close()


@pytest.fixture(scope="session")
async def accounts(stack: Stack, wire: Wire) -> Mapping[str, Account]:
    """On whose behalf the examples ask."""
    admin = stack.state.admin
    deleted = await wire.register()
    async with AsyncMongoClient[dict[str, object]](stack.state.mongo_url) as mongo:
        gone = await mongo.get_default_database()["users"].delete_one({"email": deleted.email})
        assert 1 == gone.deleted_count
    return {
        "user": await wire.register(),
        "admin": await wire.log_in(admin.email, admin.password),
        "deleted user": deleted,
    }


@pytest.fixture
def givens(wire: Wire, accounts: Mapping[str, Account]) -> Givens:
    """What the example's braces stand for."""
    return Givens(wire, accounts)
