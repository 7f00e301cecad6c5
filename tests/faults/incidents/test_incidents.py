"""Each incident of docs/guides/incidents.md happens here, and the tools print what the page shows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import asyncpg
from pydantic import BaseModel

from contracts.customers import GetCustomer
from devstack.home.credentials import load_credentials
from devstack.stack.stack import Stack
from mesh.core.version import package_version
from mesh.nats.settings import NatsSettings
from mesh.nats.transport import NatsTransport
from mesh.service.service import Service
from subjects import CUSTOMERS_GET
from tests.faults.incidents.page import ACT, LOOK, PARTS, needs_tools, shows
from tests.faults.meshes import Mesh
from tests.support.http.people import new_account
from tests.support.load.traffic import traffic
from tests.support.mesh.sample_service import verify

pytestmark = needs_tools


async def post(mesh: Mesh, path: str, body: object, headers: dict[str, str] | None = None) -> dict[str, Any]:
    response = await mesh.http.send("POST", path, json=body, headers=headers or {})
    assert response.is_success, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def somebody(mesh: Mesh) -> tuple[str, dict[str, str]]:
    """The id of somebody new, and the body that logs them in."""
    email, password = new_account()
    account = {"email": email, "password": password}
    return (await post(mesh, "/v1/auth/register", account))["user_id"], account


async def test_a_dead_worker(pairs: Mesh) -> None:
    log = pairs.stack.state.logs / "customers-1.log"
    log.write_text("")  # other tests have ended the same process before
    await pairs.stack.restart("customers-1")
    await pairs.stack.kill("customers-1")
    await pairs.stack.until_serving("customers-1")
    await shows(pairs, "A dead worker", LOOK)
    await shows(pairs, "A dead worker", ACT)


@asynccontextmanager
async def locked(url: str) -> AsyncIterator[None]:
    """Hold a lock on the table of customers in a session that somebody may end."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("BEGIN")
        await connection.execute("LOCK TABLE customers IN ACCESS EXCLUSIVE MODE")
        yield
    finally:
        connection.terminate()


async def test_a_slow_database(pairs: Mesh) -> None:
    async with locked(pairs.stack.state.databases["customers"]):
        await shows(pairs, "A slow database", LOOK, TOKEN=pairs.token)
        await shows(pairs, "A slow database", ACT, TOKEN=pairs.token)


class OtherCustomer(BaseModel):
    """A customer as another version has it."""

    customer_id: str


@asynccontextmanager
async def other_version(stack: Stack) -> AsyncIterator[None]:
    """An instance of customers with another reply."""
    seed = load_credentials(stack.state.home).nats["customers"]
    settings = NatsSettings.model_validate({"nats_url": stack.state.nats_url, "nats_nkey_seed": seed})
    transport = await NatsTransport.connect(settings, "customers")

    async def get(request: GetCustomer) -> OtherCustomer:
        return OtherCustomer(customer_id=request.customer_id)

    service = Service("customers", transport, version=package_version(), description="Another version", verify=verify)
    service.add(CUSTOMERS_GET.read_as(OtherCustomer), get)
    await service.start()
    try:
        yield
    finally:
        await service.drain()
        await transport.close()


async def test_a_bad_deploy(pairs: Mesh) -> None:
    async with other_version(pairs.stack):
        await shows(pairs, "A bad deploy", LOOK, TOKEN=pairs.token)
    await shows(pairs, "A bad deploy", ACT)


async def test_a_flood(pairs: Mesh) -> None:
    _, account = await somebody(pairs)
    guess = {**account, "password": "a guess, and a wrong one"}
    async with traffic([partial(pairs.http.kind, "POST", "/v1/auth/login", json=guess)], at_once=2) as load:
        await load.more(5, "429 too_many_logins")
        variables = {"EMAIL": account["email"], "PASSWORD": account["password"]}
        await shows(pairs, "A flood", LOOK, ADMIN=pairs.token, **variables)
        await shows(pairs, "A flood", ACT, TOKEN=pairs.token)


async def test_a_stolen_token(pairs: Mesh) -> None:
    user_id, account = await somebody(pairs)
    mine = await post(pairs, "/v1/auth/login", account)
    stolen = mine
    for _ in range(2):  # the token used last still works for some seconds: its reply may have been lost
        stolen = await post(pairs, "/v1/auth/refresh", {"refresh_token": stolen["refresh_token"]})
    variables = {"EMAIL": account["email"], "PASSWORD": account["password"], "USER_ID": user_id}
    await shows(
        pairs,
        "A stolen token",
        LOOK,
        ADMIN=pairs.token,
        REFRESH=mine["refresh_token"],
        STOLEN=stolen["access_token"],
        **variables,
    )
    again = await post(pairs, "/v1/auth/login", account)
    await shows(pairs, "A stolen token", ACT, TOKEN=again["access_token"], **variables)


async def test_a_poison_event(pairs: Mesh) -> None:
    _, account = await somebody(pairs)
    token = (await post(pairs, "/v1/auth/login", account))["access_token"]
    goods = {"product_name": "Ordered in an incident", "unit_price": "1.50", "units_in_stock": 5}
    product = (await post(pairs, "/v1/products", goods, pairs.bearer))["product_id"]
    pairs.bug.write_text(str(product))
    try:
        lines = {"lines": [{"product_id": product, "quantity": 1}]}
        order = await post(
            pairs, "/v1/orders", lines, {"Authorization": f"Bearer {token}", "Idempotency-Key": "an-incident"}
        )
        await dead(pairs)
        await shows(pairs, "A poison event", LOOK, TOKEN=token, ORDER=order["order_id"])
    finally:
        pairs.bug.unlink()
    await shows(pairs, "A poison event", ACT, TOKEN=token, ORDER=order["order_id"])


async def dead(mesh: Mesh) -> None:
    """Wait until stock has given up an event."""
    logs = [mesh.stack.state.logs / f"stock-{number}.log" for number in (1, 2)]
    while not any("this version of stock cannot read the order" in log.read_text() for log in logs):
        await asyncio.sleep(0.05)


def test_each_incident_says_what_to_look_at_and_what_to_do() -> None:
    incidents = ["dead worker", "slow database", "bad deploy", "flood", "stolen token", "poison event"]
    assert [(f"A {one}", part) for one in incidents for part in (LOOK, ACT)] == [*PARTS]
