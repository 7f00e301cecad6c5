"""Each incident of docs/guides/incidents.md happens here, and the tools print what the page shows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from typing import Any

import asyncpg
from playwright.async_api import Page
from pydantic import BaseModel

from contracts.customers import GetCustomer
from devstack.home.credentials import load_credentials
from devstack.stack.stack import Stack
from mesh.core.version import package_version
from mesh.nats.settings import NatsSettings
from mesh.nats.transport import NatsTransport
from mesh.service.service import Service
from subjects import CUSTOMERS_GET
from tests.faults.incidents.camera import MOST_BYTES, PICTURES, Camera
from tests.faults.incidents.page import ACT, GUESSES, LOOK, PARTS, needs_tools, shows
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


async def killed(page: Page) -> None:
    await page.locator('[data-node="customers"]').click()
    await page.locator(".detail td", has_text="SIGKILL").wait_for()
    await page.locator(".detail").scroll_into_view_if_needed()


async def test_a_dead_worker(watched: Mesh, camera: Camera) -> None:
    log = watched.stack.state.logs / "customers-1.log"
    log.write_text("")  # other tests have ended the same process before
    await watched.stack.restart("customers-1")
    await camera.take("dead-worker", "map", killed, cause=partial(watched.stack.kill, "customers-1"))
    await watched.stack.until_serving("customers-1")
    await shows(watched, "A dead worker", LOOK)
    await shows(watched, "A dead worker", ACT)


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


async def waiting(page: Page) -> None:
    await page.get_by_label("Search").fill("database_unavailable")
    await page.locator("tr.failed", has_text="/v1/customers/{customer_id}").get_by_role("link").first.click()
    await page.locator(".facts .why", has_text="database_unavailable").first.wait_for()
    await page.locator(".waterfall .filled.failed").first.wait_for()


async def test_a_slow_database(watched: Mesh, camera: Camera) -> None:
    async with locked(watched.stack.state.databases["customers"]):
        await shows(watched, "A slow database", LOOK, TOKEN=watched.token)
        await camera.take("slow-database", "requests", waiting)
        await shows(watched, "A slow database", ACT, TOKEN=watched.token)


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


async def incompatible(page: Page) -> None:
    await page.locator("td", has_text="has other shapes of customers.get").wait_for()


async def test_a_bad_deploy(watched: Mesh, camera: Camera) -> None:
    async with other_version(watched.stack):
        await shows(watched, "A bad deploy", LOOK, TOKEN=watched.token)
        await camera.take("bad-deploy", "doctor", incompatible)
    await shows(watched, "A bad deploy", ACT)


async def refused(page: Page) -> None:
    await page.get_by_label("Status").select_option("4xx")
    for route in ("/v1/auth/refresh", "/v1/auth/me"):
        await page.locator("tr", has_text=route).first.wait_for()
    await page.locator("tr .s2").first.wait_for(state="detached")


async def test_a_stolen_token(watched: Mesh, camera: Camera) -> None:
    user_id, account = await somebody(watched)
    mine = await post(watched, "/v1/auth/login", account)
    stolen = mine
    for _ in range(2):  # the token used last still works for some seconds: its reply may have been lost
        stolen = await post(watched, "/v1/auth/refresh", {"refresh_token": stolen["refresh_token"]})
    variables = {"EMAIL": account["email"], "PASSWORD": account["password"], "USER_ID": user_id}
    await shows(
        watched,
        "A stolen token",
        LOOK,
        ADMIN=watched.token,
        REFRESH=mine["refresh_token"],
        STOLEN=stolen["access_token"],
        **variables,
    )
    await camera.take("stolen-token", "requests", refused)
    again = await post(watched, "/v1/auth/login", account)
    await shows(watched, "A stolen token", ACT, TOKEN=again["access_token"], **variables)


async def buried(page: Page) -> None:
    await page.locator("td.why", has_text="this version of stock cannot read the order").wait_for()


async def test_a_poison_event(watched: Mesh, camera: Camera) -> None:
    _, account = await somebody(watched)
    token = (await post(watched, "/v1/auth/login", account))["access_token"]
    goods = {"product_name": "Ordered in an incident", "unit_price": "1.50", "units_in_stock": 5}
    product = (await post(watched, "/v1/products", goods, watched.bearer))["product_id"]
    watched.bug.write_text(str(product))
    try:
        lines = {"lines": [{"product_id": product, "quantity": 1}]}
        order = await post(
            watched, "/v1/orders", lines, {"Authorization": f"Bearer {token}", "Idempotency-Key": "an-incident"}
        )
        await dead(watched)
        await shows(watched, "A poison event", LOOK, TOKEN=token, ORDER=order["order_id"])
        await camera.take("poison-event", "events", buried)
    finally:
        watched.bug.unlink()
    await shows(watched, "A poison event", ACT, TOKEN=token, ORDER=order["order_id"])


async def dead(mesh: Mesh) -> None:
    """Wait until stock has given up an event."""
    logs = [mesh.stack.state.logs / f"stock-{number}.log" for number in (1, 2)]
    while not any("this version of stock cannot read the order" in log.read_text() for log in logs):
        await asyncio.sleep(0.05)


async def test_a_flood_of_guesses(watched: Mesh) -> None:
    _, account = await somebody(watched)
    guess = {**account, "password": "a guess, and a wrong one"}
    async with traffic([partial(watched.http.kind, "POST", "/v1/auth/login", json=guess)], at_once=2) as load:
        await load.more(5, "429 too_many_logins")
        variables = {"EMAIL": account["email"], "PASSWORD": account["password"]}
        await shows(watched, "A flood", GUESSES, ADMIN=watched.token, **variables)


def test_each_incident_says_what_to_look_at_and_what_to_do() -> None:
    incidents = ["dead worker", "slow database", "bad deploy", "flood", "stolen token", "poison event"]
    found = [(incident, part) for incident, part in PARTS if part != GUESSES]
    assert [(f"A {one}", part) for one in incidents for part in (LOOK, ACT)] == found


def test_each_incident_has_a_small_picture_of_the_console() -> None:
    for (incident, part), text in PARTS.items():
        if part == LOOK:
            file = PICTURES / f"incident-{incident.removeprefix('A ').replace(' ', '-')}.png"
            assert f"](../images/{file.name})" in text
            assert MOST_BYTES >= file.stat().st_size


async def overloaded(page: Page) -> None:
    await page.get_by_label("Only failures").check()
    await page.locator("tr.failed", has_text="queue_full").first.wait_for()


# The last one: for a while after it, the console has kept nothing but the flood.
async def test_a_flood(watched: Mesh, camera: Camera) -> None:
    numbers = count()

    async def search() -> str:  # each time another list, which the gateway cannot have in memory
        path = f"/v1/products?limit=200&sort=product_name&updated_before=2999-01-01T00:00:00.{next(numbers):06}Z"
        return await watched.http.kind("GET", path)

    async with traffic([search], at_once=48, pause=0.02) as load:
        await load.more(20, "503 queue_full")
        await shows(watched, "A flood", LOOK)
        await shows(watched, "A flood", ACT, TOKEN=watched.token)
        await camera.take("flood", "requests", overloaded)
