"""Databases that are killed, stopped and frozen under workers: every call ends in time and says why; all recovers."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from auth_svc.app import build as build_auth
from auth_svc.settings import AuthSettings
from contracts.auth import GetJwks
from contracts.customers import GetCustomer
from customers_svc.app import build as build_customers
from customers_svc.settings import CustomersSettings
from devstack.servers.all import Servers
from mesh.client.client import Client
from mesh.core.errors import Code, NoResponder, RemoteFault
from mesh.service.service import Service
from mesh.transport.memory import MemoryBroker, MemoryTransport
from ops.process import ServerName
from subjects import AUTH_JWKS, CUSTOMERS_GET
from tests.support.long_form import long_only
from tests.support.servers.frozen import frozen

pytestmark = long_only

GRACE = 0.3
"""Seconds after its deadline in which a call must have ended."""


@pytest.fixture(scope="module")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    async with Servers(tmp_path_factory.mktemp("faults"), only={"postgres", "mongo"}) as servers:
        yield servers


@dataclass
class Worker:
    """A worker, and somebody who asks it."""

    server: ServerName
    service: Service
    caller: MemoryTransport
    resources: AsyncExitStack
    ask: Callable[[float], Awaitable[Any]]
    """Calls an endpoint that reads the database, with a timeout in seconds."""

    async def outcome(self, timeout: float = 5) -> str:
        """What a call comes to; it must come in time."""
        began = time.monotonic()
        try:
            await self.ask(timeout)
        except NoResponder:
            return "no responder"
        except RemoteFault as fault:
            return fault.code
        finally:
            assert time.monotonic() - began < timeout + GRACE
        return "ok"

    async def ready(self) -> bool:
        reply = await self.caller.request(f"$SRV.PING.{self.service.identity.name}", b"", {}, 5)
        return bool(json.loads(reply.payload)["metadata"]["ready"] == "true")

    async def until_ready(self, *, ready: bool) -> None:
        while await self.ready() != ready:
            await asyncio.sleep(0.01)

    async def until_all_is_well(self) -> None:
        while {await self.outcome() for _ in range(3)} != {"ok"}:
            await asyncio.sleep(0.01)


@pytest.fixture(params=["postgres", "mongo"])
async def worker(request: pytest.FixtureRequest, servers: Servers) -> AsyncIterator[Worker]:
    """The customers service on PostgreSQL, then the auth service on MongoDB."""
    broker = MemoryBroker()
    caller = MemoryTransport(broker)
    client = Client(caller)
    async with AsyncExitStack() as resources:
        transport = MemoryTransport(broker)
        if request.param == "postgres":
            customers = CustomersSettings(customers_database_url=servers.urls["customers"], customers_seed=True)
            service = await build_customers(customers, transport, resources)
            ask: Callable[[float], Awaitable[Any]] = partial(
                client.call, CUSTOMERS_GET, GetCustomer(customer_id="ALFKI")
            )
        else:
            key = base64.b64encode(bytes(32)).decode()
            auth = AuthSettings(auth_mongodb_url=servers.urls["auth"], auth_key_encryption_key=key)
            service = await build_auth(auth, transport, resources)
            ask = partial(client.call, AUTH_JWKS, GetJwks())
        await service.start()
        worker = Worker(request.param, service, caller, resources, ask)
        assert "ok" == await worker.outcome()
        yield worker
        await service.drain()


@asynccontextmanager
async def killed(servers: Servers, name: ServerName) -> AsyncIterator[None]:
    await servers.kill(name)
    yield
    await servers.restart(name)


@asynccontextmanager
async def stopped(servers: Servers, name: ServerName) -> AsyncIterator[None]:
    await servers.stop(name)
    yield
    await servers.restart(name)


@asynccontextmanager
async def hung(servers: Servers, name: ServerName) -> AsyncIterator[None]:
    with frozen(servers, name):
        yield


@pytest.mark.parametrize("gone", [killed, stopped, hung])
async def test_an_outage_is_told_in_time_and_is_over_with_its_cause(
    servers: Servers, worker: Worker, gone: Callable[..., Any]
) -> None:
    asking = True
    outcomes: set[str] = set()

    async def keep_asking(timeout: float) -> None:
        while asking:
            outcomes.add(await worker.outcome(timeout))
            await asyncio.sleep(0.01)

    callers = [asyncio.create_task(keep_asking(timeout)) for timeout in (0.2, 0.5, 1, 5) for _ in range(5)]
    async with gone(servers, worker.server):
        await worker.until_ready(ready=False)
        assert "no responder" == await worker.outcome()
        asking = False
        await asyncio.gather(*callers)
    began = time.monotonic()
    await worker.until_all_is_well()

    assert time.monotonic() - began < 2
    assert await worker.ready()
    assert outcomes <= {"ok", Code.OVERLOADED, Code.DEADLINE_EXCEEDED, "no responder"}


async def test_a_frozen_database_holds_up_no_end(servers: Servers, worker: Worker) -> None:
    with frozen(servers, worker.server):
        calls = [asyncio.create_task(worker.outcome(0.5)) for _ in range(20)]
        await asyncio.sleep(0)
        began = time.monotonic()
        await worker.service.drain()
        await worker.resources.aclose()
        assert time.monotonic() - began < 4
        assert {Code.DEADLINE_EXCEEDED} == set(await asyncio.gather(*calls))
