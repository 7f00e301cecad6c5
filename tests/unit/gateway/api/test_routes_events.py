import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient

from contracts.auth import SessionsRevoked
from gateway.app import wire
from gateway.settings import GatewaySettings
from gateway.upstream.followers import MOST_WAITING
from mesh.core.context import Caller
from mesh.core.errors import Unauthenticated
from mesh.transport.events import publish
from mesh.transport.memory import MemoryTransport
from subjects import EVENTS_AUTH_SESSIONS_REVOKED, EVENTS_ORDERS_CONFIRMED, EVENTS_ORDERS_PLACED
from tests.support.gateway.feed_stream import FeedStream
from tests.support.gateway.open_streams import opened
from tests.support.gateway.tokens import bearer
from tests.support.gateway.virtual_time import Scene, in_virtual_time
from tests.support.gateway.world import World
from tests.support.http.problems import problem
from tests.support.waiting import until

LIMITS = GatewaySettings(gateway_timeout=1.0, gateway_streams=3, gateway_streams_per_user=2)
OTHER = bearer("USER", sub="u2", sid="s2")


@pytest.fixture
async def stream(app: FastAPI, transport: MemoryTransport, world: World) -> AsyncIterator[FeedStream]:
    """The stream FEED, watched by the gateway."""
    made = FeedStream(world.broker)
    await made.start()
    app.state.dependencies = wire(LIMITS, transport)
    async with app.state.dependencies.feed.watched():
        yield made


async def test_users_see_their_own_events_and_administrators_all(
    app: FastAPI, stream: FeedStream, user: dict[str, str]
) -> None:
    stream.store()
    async with opened(app, user) as own, opened(app, OTHER) as others, opened(app, bearer("ADMIN", sub="u3")) as all_:
        assert (200, b"text/event-stream") == (own.status, own.headers[b"content-type"])
        assert (b"no-store", b"no") == (own.headers[b"cache-control"], own.headers[b"x-accel-buffering"])
        stream.store(EVENTS_ORDERS_PLACED)
        stream.store(EVENTS_ORDERS_PLACED, "u2")
        stream.store(EVENTS_ORDERS_CONFIRMED)
        stream.store(EVENTS_ORDERS_CONFIRMED, None)
        await all_.has(2, 3, 4, 5)
        await own.has(2, 4)
        await others.has(3)
        assert [(2, "orders.placed"), (4, "orders.confirmed")] == own.events
        assert 'data: {"order_id": 11078, "user_id": "u1"}\n\n' in own.text
        assert own.text.startswith("retry: ")
        assert "u2" not in own.text


async def test_whoever_resumes_misses_nothing_and_sees_nothing_twice(
    app: FastAPI, stream: FeedStream, user: dict[str, str]
) -> None:
    async with opened(app, user) as before:
        assert "0" == before.last_id
        for number in range(600):  # three batches, two users
            stream.store(user_id="u1" if number % 2 else "u2")
        await until(lambda: len(before.events) == 300)
    for number in range(600):
        stream.store(user_id="u1" if number % 2 else "u2", told=number % 3 == 0)
    async with opened(app, {**user, "Last-Event-ID": before.last_id}) as after:
        stream.store()
        await until(lambda: len(after.events) == 301)
    assert [*range(2, 1201, 2), 1201] == [place for place, _ in before.events + after.events]


async def test_a_resume_point_that_is_gone_is_reported(app: FastAPI, stream: FeedStream, user: dict[str, str]) -> None:
    for _ in range(4):
        stream.store()
    del stream.stored[1], stream.stored[2]
    async with opened(app, {**user, "Last-Event-ID": "2"}) as complete:
        await complete.has(3, 4)
    for unknown in ("0", "1", "900", "9" * 18):
        async with opened(app, {**user, "Last-Event-ID": unknown}) as after:
            stream.store()
            await until(lambda: len(after.events) == 2)  # it is awaited here
            (reset, name), (place, _) = after.events
            assert ("reset", reset + 1) == (name, place), unknown
            assert '"reason":"events_missing"' in after.text


@pytest.mark.parametrize("malformed", ["", "x", "-1", "1.5", "1 2", "9" * 19, b"\xb2"])
async def test_a_malformed_resume_point_is_422(
    http: AsyncClient, stream: FeedStream, user: dict[str, str], malformed: str | bytes
) -> None:
    value = malformed if isinstance(malformed, bytes) else malformed.encode()
    headers = {name.encode(): text.encode() for name, text in user.items()} | {b"Last-Event-ID": value}
    found = problem(await http.get("/v1/events", headers=headers), 422, "invalid_request")
    assert ["Last-Event-ID"] == [error.field for error in found.errors]
    assert 0 == stream.reads


async def test_who_may_follow_is_checked_first(http: AsyncClient, stream: FeedStream) -> None:
    problem(await http.get("/v1/events"), 401, "token_required")
    problem(await http.get("/v1/events", headers=bearer()), 403, "role_required")
    assert 401 == (await http.head("/v1/events")).status_code
    assert 0 == stream.reads


async def test_head_answers_without_a_stream(http: AsyncClient, stream: FeedStream, user: dict[str, str]) -> None:
    del stream
    for _ in range(3):  # one more than a user may have at once
        answer = await http.head("/v1/events", headers=user)
        assert (200, "text/event-stream", b"") == (answer.status_code, answer.headers["content-type"], answer.content)


async def test_http_1_0_is_refused(app: FastAPI, stream: FeedStream, user: dict[str, str]) -> None:
    async with opened(app, user, version="1.0") as refused:
        assert 505 == refused.status
        assert refused.ended


async def test_streams_are_limited_and_a_client_that_leaves_gives_its_place_back(
    app: FastAPI, http: AsyncClient, stream: FeedStream, user: dict[str, str]
) -> None:
    del stream
    async with opened(app, user), opened(app, user):
        refused = await http.get("/v1/events", headers=user)
        problem(refused, 429, "too_many_streams_of_user")
        assert "5" == refused.headers["retry-after"]
        async with opened(app, OTHER):
            full = await http.get("/v1/events", headers=bearer("USER", sub="u3", sid="s3"))
            problem(full, 503, "too_many_streams")
            assert "1" == full.headers["retry-after"]
    async with opened(app, user) as again:
        assert 200 == again.status


@pytest.mark.parametrize(("condition", "status"), [({"If-None-Match": "*"}, 304), ({"If-Match": '"3"'}, 412)])
async def test_a_condition_that_replaces_the_response_ends_the_stream(
    app: FastAPI, http: AsyncClient, stream: FeedStream, condition: dict[str, str], status: int
) -> None:
    del stream
    user = bearer("USER")
    for _ in range(3):
        assert status == (await http.get("/v1/events", headers=user | condition)).status_code
    async with opened(app, user) as unconditional:
        assert 200 == unconditional.status


async def test_a_slow_reader_loses_its_stream_and_no_event(
    app: FastAPI, stream: FeedStream, user: dict[str, str]
) -> None:
    payload = b'{"user_id":"u1","x":"%b"}' % (b"x" * 50_000)
    async with opened(app, user) as slow:
        slow.reads.clear()
        for _ in range(2 * MOST_WAITING // 50_000):
            stream.store(payload=payload)
            await asyncio.sleep(0)
        slow.reads.set()
        await until(lambda: slow.ended)
    async with opened(app, {**user, "Last-Event-ID": slow.last_id}) as after:
        await until(lambda: len(slow.events) + len(after.events) == len(stream.stored))
    assert [*stream.stored] == [place for place, _ in slow.events + after.events]


async def test_the_end_of_the_session_ends_its_streams(
    app: FastAPI, http: AsyncClient, world: World, stream: FeedStream, user: dict[str, str]
) -> None:
    async with opened(app, user) as own, opened(app, OTHER) as others:
        await publish(
            MemoryTransport(world.broker, "auth"), EVENTS_AUTH_SESSIONS_REVOKED, SessionsRevoked(session_ids=("s1",))
        )
        await until(lambda: own.ended)
        problem(await http.get("/v1/events", headers=user), 401, "session_revoked")
        stream.store(user_id="u2")
        await others.has(1)
        assert [] == own.events


async def test_a_gateway_that_stops_ends_streams_and_opens_none(
    app: FastAPI, http: AsyncClient, stream: FeedStream, user: dict[str, str]
) -> None:
    del stream
    async with opened(app, user) as own:
        app.state.dependencies.followers.close()
        await until(lambda: own.ended)
    problem(await http.get("/v1/events", headers=user), 503, "stopping")


async def test_without_the_stream_or_nats_it_is_503(
    app: FastAPI, http: AsyncClient, transport: MemoryTransport, user: dict[str, str]
) -> None:
    app.state.dependencies = wire(LIMITS, transport)
    problem(await http.get("/v1/events", headers=user), 503, "events_unavailable")
    transport.disconnect()
    problem(await http.get("/v1/events", headers=user), 503, "events_unavailable")


class ExpiringTokens:
    """A verifier; from some moment on every token has expired."""

    def __init__(self) -> None:
        self.expired = False

    async def verify(self, _: str) -> Caller:
        if self.expired:
            raise Unauthenticated("token_expired", "the access token has expired")
        return Caller("u1", "s1", frozenset({"USER"}))


@in_virtual_time(LIMITS)
async def test_a_heartbeat_tells_the_place_and_an_expired_token_ends_the_stream(scene: Scene) -> None:
    stream, tokens = FeedStream(scene.world.broker), ExpiringTokens()
    await stream.start()
    scene.app.state.dependencies = replace(scene.app.state.dependencies, verifier=tokens)
    async with scene.app.state.dependencies.feed.watched(), opened(scene.app, {"Authorization": "Bearer x"}) as own:
        stream.store(user_id="u2")
        await asyncio.sleep(31)
        assert 2 == own.text.count(": heartbeat\nid: 1\n\n")
        assert not own.ended
        tokens.expired = True
        await asyncio.sleep(15)
        assert own.ended
        assert 2 == own.text.count(": heartbeat")


@in_virtual_time(LIMITS)
async def test_a_stream_outlives_the_loss_of_nats_and_brings_what_was_missed(scene: Scene) -> None:
    stream = FeedStream(scene.world.broker)
    await stream.start()
    async with scene.app.state.dependencies.feed.watched(), opened(scene.app, bearer("USER")) as own:
        scene.transport.disconnect()
        stream.store()
        await asyncio.sleep(60)
        stream.store()
        scene.transport.reconnect()
        await asyncio.sleep(1)
        assert [1, 2] == [place for place, _ in own.events]
        assert not own.ended
