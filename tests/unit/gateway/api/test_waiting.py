import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient

from contracts.auth import SessionsRevoked
from contracts.orders import Order, OrderStatus, may_become
from gateway.app import wire
from gateway.settings import GatewaySettings
from mesh.core.errors import NotFound
from mesh.core.event import Event
from mesh.transport.base import Message
from mesh.transport.events import publish
from mesh.transport.memory import MemoryTransport
from subjects import (
    EVENTS_AUTH_SESSIONS_REVOKED,
    EVENTS_ORDERS_CANCELLED,
    EVENTS_ORDERS_CONFIRMED,
    EVENTS_ORDERS_DISPATCHED,
    EVENTS_ORDERS_PLACED,
    ORDERS_GET,
)
from tests.support.gateway.feed_stream import FeedStream
from tests.support.gateway.tokens import bearer
from tests.support.gateway.virtual_time import Scene, in_virtual_time
from tests.support.gateway.world import REPLIES, World
from tests.support.http.problems import problem
from tests.support.waiting import until

LIMITS = GatewaySettings(gateway_timeout=1.0, gateway_waits=3, gateway_waits_per_user=2)
SAMPLE: Order = REPLIES[ORDERS_GET]  # type: ignore[assignment]  # of the golden file
ORDER = SAMPLE.order_id
PATH = f"/v1/orders/{ORDER}"


def order(status: str, version: int = 1) -> Order:
    return SAMPLE.model_copy(update={"status": OrderStatus(status), "version": version})


@pytest.fixture
async def stream(app: FastAPI, transport: MemoryTransport, world: World) -> AsyncIterator[FeedStream]:
    made = FeedStream(world.broker)
    await made.start()
    world.replies[ORDERS_GET] = order("placed")
    app.state.dependencies = wire(LIMITS, transport)
    async with app.state.dependencies.feed.watched():
        yield made


def reads(world: World) -> int:
    return sum(seen.endpoint is ORDERS_GET for seen in world.seen)


async def on_read(world: World, do: Callable[[], object]) -> None:
    """Have something happen while the order is read."""

    def heard(_: Message) -> None:
        do()

    await MemoryTransport(world.broker, "observer").subscribe(ORDERS_GET.subject, heard)


@pytest.mark.parametrize(
    ("status", "wanted"),
    [
        *(("confirmed", "confirmed"), ("delivered", "confirmed"), ("dispatched", "dispatched"), ("placed", "placed")),
        *(("refused", "confirmed"), ("cancelled", "delivered"), ("confirmed", "refused"), ("dispatched", "cancelled")),
    ],
)
async def test_what_is_reached_passed_or_out_of_reach_is_answered_at_once(
    http: AsyncClient, world: World, stream: FeedStream, status: str, wanted: str
) -> None:
    del stream
    world.replies[ORDERS_GET] = order(status)
    answer = await http.get(PATH, params={"wait": wanted}, headers=bearer("USER"))
    assert (200, status, 1) == (answer.status_code, answer.json()["status"], reads(world))


async def test_the_answer_comes_with_the_event(
    http: AsyncClient, world: World, stream: FeedStream, user: dict[str, str]
) -> None:
    asking = asyncio.create_task(http.get(PATH, params={"wait": "confirmed"}, headers=user))
    await until(lambda: reads(world) == 1)
    stream.store(EVENTS_ORDERS_PLACED, order_id=ORDER)
    stream.store(EVENTS_ORDERS_CONFIRMED, order_id=ORDER + 1)
    await until(lambda: stream.reads > 0)
    world.replies[ORDERS_GET] = order("confirmed", 2)
    stream.store(EVENTS_ORDERS_CONFIRMED, order_id=ORDER)
    answer = await asking
    assert (200, "confirmed", '"2"') == (answer.status_code, answer.json()["status"], answer.headers["etag"])
    assert 2 == reads(world)


@pytest.mark.parametrize("event", [EVENTS_ORDERS_CANCELLED, EVENTS_ORDERS_DISPATCHED])
async def test_an_event_after_which_it_cannot_come_ends_the_wait(
    http: AsyncClient, world: World, stream: FeedStream, user: dict[str, str], event: Event[Any]
) -> None:
    asking = asyncio.create_task(http.get(PATH, params={"wait": "refused"}, headers=user))
    await until(lambda: reads(world) == 1)
    stream.store(event, order_id=ORDER)
    assert 200 == (await asking).status_code


async def test_an_event_between_the_read_and_the_wait_is_not_missed(
    http: AsyncClient, world: World, stream: FeedStream, user: dict[str, str]
) -> None:
    await on_read(world, lambda: stream.store(EVENTS_ORDERS_CONFIRMED, order_id=ORDER))
    async with asyncio.timeout(5):
        assert 200 == (await http.get(PATH, params={"wait": "confirmed"}, headers=user)).status_code
    assert 2 == reads(world)


@in_virtual_time(LIMITS)
async def test_after_10_seconds_the_order_is_answered_as_it_is(scene: Scene) -> None:
    stream = FeedStream(scene.world.broker)
    await stream.start()
    scene.world.replies[ORDERS_GET] = order("placed")
    clock = asyncio.get_running_loop().time
    async with scene.app.state.dependencies.feed.watched():
        for method in ("GET", "HEAD"):
            began = clock()
            answer = await scene.http.request(method, f"{PATH}?wait=delivered", headers=bearer("USER"))
            assert (200, '"1"') == (answer.status_code, answer.headers["etag"])
            assert 10 <= clock() - began < 10.5
    assert 4 == reads(scene.world), "it does not ask again and again"


async def test_conditions_count_after_the_wait(
    http: AsyncClient, world: World, stream: FeedStream, user: dict[str, str]
) -> None:
    del stream
    world.replies[ORDERS_GET] = order("confirmed", 2)
    answer = await http.get(PATH, params={"wait": "confirmed"}, headers={**user, "If-None-Match": '"2"'})
    assert 304 == answer.status_code


async def test_waits_are_limited(http: AsyncClient, world: World, stream: FeedStream, user: dict[str, str]) -> None:
    others = [bearer("USER", sub=name, sid=name) for name in ("u2", "u3")]
    waiting = [
        asyncio.create_task(http.get(PATH, params={"wait": "confirmed"}, headers=one))
        for one in (user, user, others[0])
    ]
    await until(lambda: reads(world) == 3)
    problem(await http.get(PATH, params={"wait": "confirmed"}, headers=user), 429, "too_many_waits_of_user")
    problem(await http.get(PATH, params={"wait": "confirmed"}, headers=others[1]), 503, "too_many_waits")
    assert 200 == (await http.get(PATH, headers=user)).status_code
    stream.store(EVENTS_ORDERS_CONFIRMED, order_id=ORDER)
    assert [200, 200, 200] == [(await one).status_code for one in waiting]


async def test_a_gateway_that_stops_answers_with_the_state(
    app: FastAPI, http: AsyncClient, world: World, stream: FeedStream, user: dict[str, str]
) -> None:
    del stream
    asking = asyncio.create_task(http.get(PATH, params={"wait": "confirmed"}, headers=user))
    await until(lambda: reads(world) == 1)
    app.state.dependencies.followers.close()
    assert "placed" == (await asking).json()["status"]


async def test_a_session_that_ends_meanwhile_sees_nothing(
    http: AsyncClient, world: World, stream: FeedStream, user: dict[str, str]
) -> None:
    asking = asyncio.create_task(http.get(PATH, params={"wait": "confirmed"}, headers=user))
    await until(lambda: reads(world) == 1)
    auth = MemoryTransport(world.broker, "auth")
    await publish(auth, EVENTS_AUTH_SESSIONS_REVOKED, SessionsRevoked(session_ids=("s1",)))
    stream.store(EVENTS_ORDERS_CONFIRMED, order_id=ORDER)
    problem(await asking, 401, "session_revoked")


async def test_what_cannot_be_waited_for_says_so(
    http: AsyncClient, world: World, stream: FeedStream, user: dict[str, str]
) -> None:
    for wrong in ("Confirmed", "shipped", "placed "):
        problem(await http.get(PATH, params={"wait": wrong}, headers=user), 422, "invalid_request")
    world.fails[ORDERS_GET] = NotFound("order_not_found", "there is no order")
    problem(await http.get(PATH, params={"wait": "confirmed"}, headers=user), 404, "order_not_found")
    assert 0 < stream.reads


async def test_without_the_stream_it_is_503(
    app: FastAPI, http: AsyncClient, transport: MemoryTransport, user: dict[str, str]
) -> None:
    app.state.dependencies = wire(LIMITS, transport)
    problem(await http.get(PATH, params={"wait": "confirmed"}, headers=user), 503, "events_unavailable")


def test_a_status_leads_to_what_may_follow_it() -> None:
    reached = {one: {later for later in OrderStatus if may_become(one, later)} for one in OrderStatus}
    assert {"confirmed", "dispatched", "delivered", "refused", "cancelled"} == reached[OrderStatus.PLACED]
    assert {"dispatched", "delivered", "cancelled"} == reached[OrderStatus.CONFIRMED]
    assert {"delivered"} == reached[OrderStatus.DISPATCHED]
    assert not any(reached[end] for end in (OrderStatus.DELIVERED, OrderStatus.REFUSED, OrderStatus.CANCELLED))
