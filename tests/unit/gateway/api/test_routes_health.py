import asyncio
from typing import Final

from fastapi import FastAPI
from httpx2 import AsyncClient

from gateway.settings import GatewaySettings
from mesh.core.context import Caller
from mesh.core.errors import Unavailable
from mesh.service.service import Service
from mesh.transport.base import Message
from mesh.transport.memory import MemoryTransport
from subjects import AUTH_SESSIONS_REVOKED, ENDPOINTS
from tests.support.gateway.tokens import bearer
from tests.support.gateway.virtual_time import Scene, in_virtual_time
from tests.support.gateway.world import World
from tests.support.http.problems import problem

SETTINGS: Final = GatewaySettings()
ALL = dict.fromkeys(sorted({endpoint.service for endpoint in ENDPOINTS}), True)
NONE = dict.fromkeys(ALL, False)


async def test_the_process_is_alive_without_nats(http: AsyncClient, transport: MemoryTransport) -> None:
    transport.disconnect()
    response = await http.get("/healthz")
    assert (200, {"alive": True}) == (response.status_code, response.json())


async def test_all_is_well(http: AsyncClient) -> None:
    response = await http.get("/readyz")
    assert (200, {"ready": True, "nats": True, "services": ALL, "reason": None}) == (
        response.status_code,
        response.json(),
    )


@in_virtual_time(SETTINGS)
async def test_a_service_without_workers_is_named(scene: Scene) -> None:
    await scene.world.stop("customers")
    response = await scene.http.get("/readyz")
    services = {**ALL, "customers": False}
    assert (503, {"ready": False, "nats": True, "services": services, "reason": "no answer from customers"}) == (
        response.status_code,
        response.json(),
    )


@in_virtual_time(SETTINGS)
async def test_auth_is_not_ready_before_it_has_told_which_sessions_have_ended(scene: Scene) -> None:
    scene.world.fails[AUTH_SESSIONS_REVOKED] = Unavailable("database_unavailable", "the database does not answer")
    response = await scene.http.get("/readyz")
    reason = "auth is not ready: it has not returned the revoked sessions"
    assert (503, {**ALL, "auth": False}, reason) == (
        response.status_code,
        response.json()["services"],
        response.json()["reason"],
    )
    said = problem(await scene.http.get("/v1/customers/ALFKI", headers=bearer("USER")), 503, "revocations_unavailable")
    assert "revoked sessions cannot be checked: the auth service is not available" == said.detail
    scene.world.fails.clear()
    await asyncio.sleep(1.05)
    assert 200 == (await scene.http.get("/readyz")).status_code
    scene.world.fails[AUTH_SESSIONS_REVOKED] = Unavailable("database_unavailable", "the database does not answer")
    await asyncio.sleep(1.05)
    assert 200 == (await scene.http.get("/readyz")).status_code, "it goes on with what it knows"


async def test_without_nats_nothing_is_ready(http: AsyncClient, transport: MemoryTransport) -> None:
    transport.disconnect()
    response = await http.get("/readyz")
    assert (503, {"ready": False, "nats": False, "services": NONE, "reason": "not connected to NATS"}) == (
        response.status_code,
        response.json(),
    )


async def test_a_gateway_that_stops_is_not_ready(app: FastAPI, http: AsyncClient) -> None:
    app.state.dependencies.readiness.stopping = True
    response = await http.get("/readyz")
    assert "1" == response.headers["retry-after"]
    assert (503, False, "stopping") == (response.status_code, response.json()["ready"], response.json()["reason"])


async def test_many_probes_are_one_ping_of_each_service(http: AsyncClient, world: World) -> None:
    pings: list[Message] = []
    await MemoryTransport(world.broker).subscribe("$SRV.PING.>", pings.append)
    await MemoryTransport(world.broker).subscribe("$SRV.PING", pings.append)
    await asyncio.gather(*(http.get("/readyz") for _ in range(20)))
    assert [f"$SRV.PING.{service}" for service in sorted(ALL)] == sorted(ping.subject for ping in pings)


@in_virtual_time(SETTINGS)
async def test_a_service_that_is_silent_does_not_answer(scene: Scene) -> None:
    await scene.world.stop("products")
    await MemoryTransport(scene.world.broker).subscribe("$SRV.PING.products", lambda _: None)
    response = await scene.http.get("/readyz")
    assert "no answer from products" == response.json()["reason"]


@in_virtual_time(SETTINGS)
async def test_no_service_answers_for_another(scene: Scene) -> None:
    await scene.world.stop("auth")
    products = MemoryTransport(scene.world.broker, "products")
    pings: list[Message] = []
    pong = b'{"name": "auth", "id": "forged", "version": "1.0.0", "metadata": {}}'

    def answer_as_auth(ping: Message) -> None:
        pings.append(ping)
        answering.append(asyncio.create_task(products.publish(ping.reply, pong)))

    answering: list[asyncio.Task[None]] = []
    for heard in ("$SRV.PING", "$SRV.PING.products"):  # all that it may hear
        await products.subscribe(heard, answer_as_auth)
    response = await scene.http.get("/readyz")
    assert ["$SRV.PING.products"] == [ping.subject for ping in pings]
    assert "no answer from auth" == response.json()["reason"]


@in_virtual_time(SETTINGS)
async def test_a_service_that_has_stepped_back_says_why(scene: Scene) -> None:
    await scene.world._services["customers"].pause("the database does not answer")
    response = await scene.http.get("/readyz")
    services = {**ALL, "customers": False}
    reason = "customers is not ready: the database does not answer"
    assert (503, services, reason) == (
        response.status_code,
        response.json()["services"],
        response.json()["reason"],
    )


@in_virtual_time(SETTINGS)
async def test_a_service_that_cannot_do_all_is_ready_and_says_what_is_lacking(scene: Scene) -> None:
    await scene.world._services["customers"].resume("the database is read-only")
    response = await scene.http.get("/readyz")
    lack = "customers: the database is read-only"
    assert (200, {"ready": True, "nats": True, "services": ALL, "reason": lack}) == (
        response.status_code,
        response.json(),
    )


async def test_one_instance_that_is_ready_is_enough(http: AsyncClient, world: World) -> None:
    await world._services["customers"].pause("the database does not answer")
    other = Service("customers", MemoryTransport(world.broker), version="1.0.0", description="another", verify=nobody)
    await other.start()
    assert 200 == (await http.get("/readyz")).status_code


async def nobody(_: str) -> Caller:
    raise AssertionError("nobody asks")
