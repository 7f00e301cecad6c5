"""A database that ends, crashes or hangs under load: callers hear so in time, and what was acknowledged stays."""

import asyncio
import itertools
import secrets
from asyncio import get_running_loop
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import asyncpg
import pytest
from httpx2 import AsyncClient
from motor.motor_asyncio import AsyncIOMotorClient

from ops.process import ServerName
from subjects import CUSTOMERS_CREATE
from tests.faults.single import EMAIL, PASSWORD, Single, http_to, single
from tests.support.http.people import log_in
from tests.support.load.figures import Figures
from tests.support.load.traffic import Ask, Balancer, Load, Outcomes, traffic
from tests.support.long_form import LONG

LATE = 1.5
"""Seconds by which an answer may miss its deadline on a machine that is busy with other things as well."""
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
FREE_KEYS = map("".join, itertools.product("Y", LETTERS, LETTERS, LETTERS, LETTERS))


@pytest.fixture(scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Single]:
    async with single(tmp_path_factory.mktemp("outages"), AUTH_ADDRESS_ATTEMPTS="100000") as mesh:  # many register
        yield mesh


@pytest.fixture(scope="module")
async def http(mesh: Single) -> AsyncIterator[Balancer]:
    async with http_to(mesh) as http:
        yield http


@pytest.fixture(scope="module")
async def token(mesh: Single) -> dict[str, str]:
    """The headers of an administrator."""
    async with AsyncClient(base_url=mesh.url, timeout=20) as client:
        tokens = await log_in(client, EMAIL, PASSWORD)
    return {"Authorization": f"Bearer {tokens['access_token']}"}


@dataclass
class Clients:
    """Who reads and writes, and remembers each write that was acknowledged."""

    mesh: Single
    http: Balancer
    headers: dict[str, str]
    acknowledged: set[str] = field(default_factory=set)

    async def write_customer(self) -> str:
        new = next(FREE_KEYS)
        body = {"customer_id": new, "company_name": "Written"}
        kind = await self.http.kind("POST", "/v1/customers", json=body, headers=self.headers)
        return self._keep(new, kind)

    async def read_customer(self) -> str:
        return await self.http.kind("GET", "/v1/customers/ALFKI", headers=self.headers)

    async def write_user(self) -> str:
        new = f"{secrets.token_hex(8)}@northwind.example"
        body = {"email": new, "password": secrets.token_urlsafe(20)}
        return self._keep(new, await self.http.kind("POST", "/v1/auth/register", json=body))

    async def read_user(self) -> str:
        return await self.http.kind("GET", "/v1/auth/me", headers=self.headers)

    def _keep(self, new: str, kind: str) -> str:
        if kind == "ok":
            self.acknowledged.add(new)
        return kind

    async def customers_there(self) -> set[str]:
        """The acknowledged ones that PostgreSQL has, without asking any service."""
        connection = await asyncpg.connect(self.mesh.servers.urls["customers"])
        try:
            sql = "SELECT customer_id FROM customers WHERE customer_id = ANY($1)"
            return {row["customer_id"] for row in await connection.fetch(sql, [*self.acknowledged])}
        finally:
            await connection.close()

    async def users_there(self) -> set[str]:
        """The same in MongoDB."""
        client: AsyncIOMotorClient[dict[str, str]] = AsyncIOMotorClient(self.mesh.servers.urls["auth"])
        try:
            users = client.get_default_database("auth")["users"]
            return {user["email"] async for user in users.find({"email": {"$in": [*self.acknowledged]}})}
        finally:
            client.close()


@pytest.fixture
def clients(mesh: Single, http: Balancer, token: dict[str, str]) -> Clients:
    return Clients(mesh, http, token)


Fault = Callable[[Single, ServerName], Awaitable[None]]


async def stop(mesh: Single, server: ServerName) -> None:
    await mesh.servers.stop(server)


async def kill(mesh: Single, server: ServerName) -> None:
    await mesh.servers.kill(server)


async def freeze(mesh: Single, server: ServerName) -> None:
    mesh.servers.freeze(server)


async def mend(mesh: Single, server: ServerName, fault: Fault) -> None:
    if fault is freeze:
        mesh.servers.thaw(server)
    else:
        await mesh.servers.restart(server)


@pytest.mark.parametrize("fault", [stop, kill, freeze])
@pytest.mark.parametrize("servers", [["postgres"], ["mongo"]] if LONG else [["postgres", "mongo"]], ids="+".join)
async def test_an_outage_is_told_in_time_and_loses_nothing(
    clients: Clients, servers: Sequence[ServerName], fault: Fault, figures: Figures
) -> None:
    mesh = clients.mesh
    asks: dict[ServerName, list[Ask]] = {
        "postgres": [clients.write_customer, clients.read_customer],
        "mongo": [clients.write_user, *[clients.read_user] * 3],  # a password's hash takes 30 ms of a processor
    }
    recoveries = []

    async with AsyncExitStack() as callers:
        traffics = (traffic(asks[server], at_once=8, pause=0.01) for server in servers)
        loads = [await callers.enter_async_context(one) for one in traffics]
        for number in range(3 if figures.long else 1):
            await asyncio.gather(*(load.more(20, "ok") for load in loads))
            figures.tell(f"{fault.__name__} {' and '.join(servers)}, {number + 1}")
            await asyncio.gather(*(fault(mesh, server) for server in servers))
            try:
                await asyncio.gather(*map(failing, loads))
                if figures.long:
                    await asyncio.sleep(5)
            finally:
                await asyncio.gather(*(mend(mesh, server, fault) for server in servers))
            mended_at = get_running_loop().time()
            await asyncio.gather(*(load.more(20, "ok") for load in loads))
            recoveries.append(get_running_loop().time() - mended_at)
            await ready(mesh)

    outcomes = Outcomes(one for load in loads for one in load.outcomes)
    figures.add(
        f"{' and '.join(servers)}: {fault.__name__}",
        outages=len(recoveries),
        acknowledged=len(clients.acknowledged),
        longest_until_recovered_s=round(max(recoveries), 2),
        **outcomes.figures(),
    )
    there = {"postgres": await clients.customers_there(), "mongo": await clients.users_there()}
    assert clients.acknowledged == there["postgres"] | there["mongo"]
    assert all(len(there[server]) >= 5 for server in servers)
    assert {"503", "504"} >= statuses(outcomes.failed())
    assert outcomes.percentile(100) < CUSTOMERS_CREATE.timeout + LATE


async def failing(load: Load) -> None:
    """Wait until calls that began in the outage have failed, twice as many as there are callers."""
    began = get_running_loop().time()
    while sum(one.kind != "ok" for one in load.outcomes.begun(after=began)) < 16:
        await asyncio.sleep(0.01)


async def ready(mesh: Single) -> None:
    """Wait until the gateway says that the services of this mesh are."""
    async with AsyncClient(base_url=mesh.url, timeout=20) as client:
        while True:
            said = (await client.get("/readyz")).json()
            assert said["nats"]
            if all(said["services"][name] for name in mesh.processes if name != "gateway"):
                return
            await asyncio.sleep(0.05)


def statuses(kinds: Iterable[str]) -> set[str]:
    """The HTTP statuses of some kinds of answers."""
    return {kind.partition(" ")[0] for kind in kinds}
