"""A worker whose database takes no writes: it goes on to read, and says of a write that it may be tried again."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import pytest

from contracts.customers import CreateCustomer, Customer, GetCustomer
from customers_svc.app import build
from customers_svc.settings import CustomersSettings
from devstack.servers.all import Servers
from mesh.client.client import Client
from mesh.core.context import working_on
from mesh.core.errors import Code, MeshError, Overloaded
from mesh.transport.memory import MemoryBroker, MemoryTransport
from subjects import CUSTOMERS_CREATE, CUSTOMERS_GET
from tests.support.mesh.sign_in import SignIn

NEW = CreateCustomer(customer_id="NEWCO", company_name="New")


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[Servers]:
    """A PostgreSQL of this test's own, to be set and reset."""
    async with Servers(tmp_path / "home", only=["postgres"]) as servers:
        yield servers


@pytest.fixture
async def caller(servers: Servers, broker: MemoryBroker) -> AsyncIterator[MemoryTransport]:
    async with AsyncExitStack() as resources:
        settings = CustomersSettings.model_validate(
            {"customers_database_url": servers.urls["customers"], "customers_seed": True}
        )
        service = await build(settings, MemoryTransport(broker), resources)
        await service.start()
        yield MemoryTransport(broker, "caller")
        await service.drain()


async def read_only(servers: Servers, value: str) -> None:
    password, port = servers.credentials.postgres_superuser, servers.postgres.port
    operator = await asyncpg.connect(f"postgresql://postgres:{password}@127.0.0.1:{port}/customers")
    await operator.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
    await operator.execute("SELECT pg_reload_conf()")
    await operator.close()


async def test_reads_go_on_while_the_database_takes_no_writes(
    servers: Servers, caller: MemoryTransport, sign_in: SignIn
) -> None:
    client = Client(caller)

    async def write(key: str | None = None) -> Customer | MeshError:
        with working_on(sign_in.asking_as("ADMIN")._replace(idempotency_key=key)):
            try:
                return await client.call(CUSTOMERS_CREATE, NEW)
            except MeshError as error:
                return error

    async def lack() -> str | None:
        told = json.loads((await caller.request("$SRV.PING.customers", b"", {}, 5)).payload)["metadata"]
        assert "true" == told["ready"]
        reason: str | None = told.get("reason")
        return reason

    assert await lack() is None
    await read_only(servers, "on")
    while await lack() is None:
        await asyncio.sleep(0.01)
    for key in (None, "k"):
        refusal = await write(key)
        assert isinstance(refusal, Overloaded)
        assert (Code.OVERLOADED, True, "database_read_only") == (refusal.code, refusal.code.retryable, refusal.reason)
    assert "ALFKI" == (await client.call(CUSTOMERS_GET, GetCustomer(customer_id="ALFKI"))).customer_id
    assert "the database is read-only" == await lack()
    await read_only(servers, "off")
    while isinstance(written := await write("k"), Overloaded):
        await asyncio.sleep(0.01)
    assert isinstance(written, Customer)
    while await lack() is not None:
        await asyncio.sleep(0.01)
