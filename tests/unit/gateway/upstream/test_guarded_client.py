import asyncio
from contextlib import suppress
from typing import Final

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient

from contracts.products import GetProduct
from gateway.middleware.request_context import DISCONNECTED
from gateway.settings import GatewaySettings
from gateway.upstream.client import GuardedClient
from mesh.client.adaptive_limit import AdaptiveLimit
from mesh.client.client import Client
from mesh.core.context import Context, working_on
from mesh.core.errors import (
    DeadlineExceeded,
    Fault,
    Internal,
    MeshError,
    NoResponder,
    NotFound,
    Overloaded,
    RemoteFault,
    Unavailable,
)
from mesh.transport.base import Message
from mesh.transport.memory import MemoryTransport
from mesh.wire import request_headers
from mesh.wire.problem import error_reply
from subjects import AUTH_LOGIN, AUTH_PASSWORD_CHANGE, AUTH_REGISTER, ENDPOINTS, PRODUCTS_GET
from tests.support.gateway.applications import application
from tests.support.gateway.resources import CHAI
from tests.support.gateway.tokens import bearer
from tests.support.gateway.virtual_time import Scene, in_virtual_time
from tests.support.gateway.world import World
from tests.support.http.problems import problem

CHAI_WANTED = GetProduct(product_id=1)


class Hanging:
    """A worker that takes requests in and answers when it is told to."""

    def __init__(self, world: World) -> None:
        self.seen: list[Message] = []
        self.transport = MemoryTransport(world.broker, "hanging")

    async def answer(self, body: bytes = CHAI.model_dump_json().encode()) -> None:
        for message in self.seen:
            await self.transport.publish(message.reply, body)
        self.seen.clear()


async def in_place_of_products(world: World) -> Hanging:
    """Stop the products service, and have one that hangs."""
    await world.stop("products")
    made = Hanging(world)
    await made.transport.subscribe("products.get", made.seen.append, "q")
    return made


@pytest.fixture
async def hanging(world: World) -> Hanging:
    """In place of the products service."""
    return await in_place_of_products(world)


SETTINGS: Final = GatewaySettings(
    gateway_limit_min=1,
    gateway_limit_initial=4,
    gateway_limit_max=4,
    gateway_breaker_timeouts=2,
    gateway_breaker_rest=1.0,
    gateway_timeout=1.0,
)
_TIMEOUT: Final = 0.2


def guarded(transport: MemoryTransport) -> GuardedClient:
    services = {endpoint.service for endpoint in ENDPOINTS}
    return GuardedClient(Client(transport), services, (AUTH_LOGIN,), SETTINGS, _TIMEOUT)


@pytest.fixture
def client(transport: MemoryTransport) -> GuardedClient:
    return guarded(transport)


@pytest.fixture
def app(transport: MemoryTransport) -> FastAPI:
    return application(SETTINGS, transport)


def limiter(client: GuardedClient, service: str = "products") -> AdaptiveLimit:
    return client.guards[service].limiter


async def ask(client: GuardedClient, seconds: float = 0.2) -> None:
    """Ask for a product as a request would that has so long."""
    with working_on(Context("r1", asyncio.get_running_loop().time() + seconds)):
        await client.call(PRODUCTS_GET, CHAI_WANTED)


async def time_out(client: GuardedClient, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(DeadlineExceeded):
            await ask(client)


@in_virtual_time(SETTINGS)
async def test_a_hanging_service_fills_its_own_limit_and_no_other(scene: Scene) -> None:
    http, hanging, user = scene.http, await in_place_of_products(scene.world), bearer("USER")
    asking = [asyncio.create_task(http.get("/v1/products/1")) for _ in range(4)]
    while len(hanging.seen) < 4:
        await asyncio.sleep(0)
    refused = await http.get("/v1/products/1")
    assert "overloaded" == problem(refused, 503, "gateway_busy").code
    assert "1" == refused.headers["retry-after"]
    assert 4 == len(hanging.seen), "nothing was published"
    for _ in range(20):
        assert 200 == (await http.get("/v1/customers/ALFKI", headers=user)).status_code
    await hanging.answer()
    assert [200] * 4 == [(await task).status_code for task in asking]
    asking = [asyncio.create_task(http.get("/v1/products/1")) for _ in range(4)]
    while len(hanging.seen) < 4:
        await asyncio.sleep(0)
    await hanging.answer()
    assert [200] * 4 == [(await task).status_code for task in asking]


@in_virtual_time(SETTINGS)
async def test_after_timeouts_a_service_is_left_alone_until_a_probe_is_answered(scene: Scene) -> None:
    http, hanging = scene.http, await in_place_of_products(scene.world)
    for _ in range(2):
        problem(await http.get("/v1/products/1"), 504, "deadline_exceeded")
    hanging.seen.clear()
    refused = await http.get("/v1/products/1")
    problem(refused, 503, "circuit_open")
    assert "1" == refused.headers["retry-after"]
    assert [] == hanging.seen, "nothing was published"

    await asyncio.sleep(1.05)
    probe = asyncio.create_task(http.get("/v1/products/1"))
    while not hanging.seen:
        await asyncio.sleep(0)
    problem(await http.get("/v1/products/1"), 503, "circuit_open")
    await hanging.answer()
    assert 200 == (await probe).status_code

    asking = asyncio.create_task(http.get("/v1/products/1"))
    while not hanging.seen:
        await asyncio.sleep(0)
    await hanging.answer()
    assert 200 == (await asking).status_code


@in_virtual_time(SETTINGS)
async def test_a_cancelled_probe_leaves_room_for_the_next(scene: Scene) -> None:
    await in_place_of_products(scene.world)
    client = guarded(scene.transport)
    await time_out(client, 2)
    with pytest.raises(Overloaded, match="does not respond"):
        await ask(client)
    await asyncio.sleep(1.05)
    for _ in range(2):
        probe = asyncio.create_task(ask(client))
        await asyncio.sleep(0.01)
        probe.cancel()
        with suppress(asyncio.CancelledError):
            await probe
    assert 0 == limiter(client).in_flight


async def test_a_timeout_shrinks_the_limit(client: GuardedClient, hanging: Hanging) -> None:
    await time_out(client)
    assert limiter(client).limit == pytest.approx(3.2)


@pytest.mark.parametrize(
    "asked",
    [
        ("/v1/auth/login", {"email": "nancy@northwind.example", "password": "x"}),
        ("/v1/auth/register", {"email": "nancy@northwind.example", "password": "x"}),
        ("/v1/auth/password", {"current_password": "x", "new_password": "y"}),
    ],
)
async def test_what_hashes_a_password_takes_nothing_from_the_rest_of_auth(
    http: AsyncClient, app: FastAPI, world: World, user: dict[str, str], asked: tuple[str, dict[str, str]]
) -> None:
    full = Unavailable("queue_too_slow", "too many passwords wait")
    world.fails = dict.fromkeys((AUTH_LOGIN, AUTH_REGISTER, AUTH_PASSWORD_CHANGE), full)
    path, body = asked
    for _ in range(20):
        problem(await http.post(path, json=body, headers=user), 503, "queue_too_slow")
    client: GuardedClient = app.state.dependencies.client
    assert (4, True) == (limiter(client, "auth").limit, limiter(client, "auth password").limit < 2)
    for _ in range(20):
        assert 200 == (await http.get("/v1/auth/me", headers=user)).status_code


async def test_a_client_that_goes_away_gives_its_place_back(
    http: AsyncClient, app: FastAPI, hanging: Hanging, transport: MemoryTransport
) -> None:
    asking = [asyncio.create_task(http.get("/v1/products/1")) for _ in range(4)]
    while len(hanging.seen) < 4:
        await asyncio.sleep(0)
    for task in asking:
        task.cancel(DISCONNECTED)
    await asyncio.wait(asking)
    client: GuardedClient = app.state.dependencies.client
    assert (4, 0) == (limiter(client).limit, limiter(client).in_flight)
    assert 0 == transport.pending_requests, "nobody waits for the answer"


async def test_a_call_without_the_time_for_an_answer_tells_nothing(client: GuardedClient, hanging: Hanging) -> None:
    for seconds in (0, 0.01, 0.02, 0.02, 0.02):
        with pytest.raises(DeadlineExceeded):
            await ask(client, seconds)
    assert (4, 0) == (limiter(client).limit, limiter(client).in_flight)
    assert client.guards["products"].breaker.closed


async def test_a_late_answer_shrinks_the_limit_and_is_an_answer(client: GuardedClient, hanging: Hanging) -> None:
    asking = asyncio.create_task(ask(client))
    await asyncio.sleep(0.1)
    await hanging.answer()
    await asking
    assert limiter(client).limit == pytest.approx(3.2)
    await time_out(client)
    assert client.guards["products"].breaker.closed


@pytest.mark.parametrize(
    ("fault", "limit"),
    [
        (NotFound("product_not_found", "no such product"), 4),
        (Internal(), 4),
        (Unavailable("queue_full", "full"), 3.2),
    ],
)
async def test_of_the_faults_overloaded_alone_shrinks_the_limit(
    client: GuardedClient, hanging: Hanging, fault: Fault, limit: float
) -> None:
    headers, body = error_reply(fault, "r1")
    asking = asyncio.create_task(ask(client))
    while not hanging.seen:
        await asyncio.sleep(0)
    while hanging.seen:
        message = hanging.seen.pop()
        await hanging.transport.publish(message.reply, body, headers)
        await asyncio.sleep(0.01)
    with pytest.raises(RemoteFault):
        await asking
    assert limiter(client).limit == pytest.approx(limit)


@pytest.mark.parametrize("away", ["products", "nats"])
@in_virtual_time(SETTINGS)
async def test_what_fails_fast_by_itself_says_so_every_time(scene: Scene, away: str) -> None:
    client = guarded(scene.transport)
    if away == "nats":
        scene.transport.disconnect()
    else:
        await scene.world.stop("products")
    for _ in range(5):
        with pytest.raises(MeshError) as raised:
            await ask(client)
        assert not isinstance(raised.value, Overloaded)
        assert isinstance(raised.value, NoResponder) or away == "nats"
    assert (4, 0) == (limiter(client).limit, limiter(client).in_flight)


@pytest.mark.parametrize(("gateway_timeout", "seconds"), [(2.0, 2.0), (60.0, PRODUCTS_GET.timeout)])
async def test_a_call_is_bounded_by_its_request_and_by_its_endpoint(
    world: World, transport: MemoryTransport, gateway_timeout: float, seconds: float
) -> None:
    seen: list[Message] = []
    await MemoryTransport(world.broker).subscribe("products.get", seen.append)
    app = application(GatewaySettings(gateway_timeout=gateway_timeout), transport)
    async with AsyncClient(transport=ASGITransport(app), base_url="http://gateway.test") as http:
        await http.get("/v1/products/1")
    assert request_headers.deadline(seen[0].headers, 1000, 0, lambda _: 0) == pytest.approx(seconds, abs=0.2)
