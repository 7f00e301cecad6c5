from collections.abc import AsyncIterator, Mapping

import pytest
from pymongo import AsyncMongoClient

from devstack.stack.stack import Stack
from tests.support.contract.callers import Account, Wire, wire_of
from tests.support.contract.carts import users_with_carts
from tests.support.contract.givens import Givens
from tests.support.servers.whole_mesh import http, stack

__all__ = ["http", "stack"]


@pytest.fixture(scope="package")
async def wire(stack: Stack) -> AsyncIterator[Wire]:
    """NATS as those see it who send requests."""
    async with wire_of(stack) as wire:
        yield wire


@pytest.fixture(scope="package")
async def accounts(stack: Stack, wire: Wire) -> Mapping[str, Account]:
    """On whose behalf the examples ask."""
    admin = stack.state.admin
    deleted = await wire.register()
    hooked = await wire.register()
    await wire.ask("notifications.webhook.put", hooked.access_token, url="https://shop.example/northwind")
    async with AsyncMongoClient[dict[str, object]](stack.state.databases["auth"]) as mongo:
        gone = await mongo.get_default_database()["users"].delete_one({"email": deleted.email})
        assert 1 == gone.deleted_count
    unverified, verifying = await wire.register(), await wire.register()
    async with AsyncMongoClient[dict[str, object]](stack.state.databases["auth"]) as mongo:
        users = mongo.get_default_database()["users"]
        emails = [unverified.email, verifying.email]
        await users.update_many({"email": {"$in": emails}}, {"$set": {"unverified": True}})
    return {
        "user": await wire.register(),
        "admin": await wire.log_in(admin.email, admin.password),
        "deleted user": deleted,
        "changing user": await wire.register(),
        "fresh user": await wire.register(),
        "leaving user": await wire.register(),
        "ordering user": await wire.register(),
        **await users_with_carts(wire, stack.state.databases["carts"]),
        "webhook user": hooked,
        "unverified user": unverified,
        "verifying user": verifying,
    }


@pytest.fixture
def givens(wire: Wire, accounts: Mapping[str, Account]) -> Givens:
    """What the example's braces stand for."""
    return Givens(wire, accounts)
