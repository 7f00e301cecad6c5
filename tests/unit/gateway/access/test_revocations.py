import asyncio

import pytest

from contracts.auth import ListRevoked, RevokedPage, SessionsRevoked
from gateway.access.revocations import REFRESH_TASK, Revocations
from mesh.core import context
from mesh.core.context import Caller, Context, working_on
from mesh.core.errors import NoResponder, Unauthenticated, Unavailable
from mesh.transport.events import publish
from mesh.transport.memory import MemoryBroker, MemoryTransport
from subjects import EVENTS_AUTH_SESSIONS_REVOKED
from tests.support.clock import Clock, task_named

ANNA = Caller("u1", "anna", frozenset({"USER"}))


class World:
    """An auth service that knows which sessions were revoked, and a gateway that asks it."""

    def __init__(self) -> None:
        broker = MemoryBroker()
        self.auth = MemoryTransport(broker, "auth")
        self.transport = MemoryTransport(broker, "gateway")
        self.revoked: tuple[str, ...] = ()
        self.asked = 0
        self.worked_for: list[Context | None] = []
        self.away = False
        self.answers = asyncio.Event()
        self.answers.set()
        self.clock = Clock()
        self.gateway = Revocations(self.transport, self.fetch, self.clock)

    async def fetch(self, request: ListRevoked) -> RevokedPage:
        """One session a page; `next_cursor` is the next one's number."""
        self.asked += 1
        self.worked_for.append(context.current())
        number = int(request.cursor or "0", 16)
        known = self.revoked[number : number + 1]
        more = len(self.revoked) > number + 1
        await self.answers.wait()
        if self.away:
            raise NoResponder("no worker serves auth.sessions.revoked")
        return RevokedPage(session_ids=known, next_cursor=f"{number + 1:032x}" if more else None)

    async def alive(self) -> bool:
        try:
            await self.gateway.require_alive(ANNA)
        except Unauthenticated:
            return False
        return True

    async def publish(self) -> None:
        await publish(self.auth, EVENTS_AUTH_SESSIONS_REVOKED, SessionsRevoked(session_ids=("anna",)))
        await asyncio.sleep(0)


@pytest.fixture
def world() -> World:
    return World()


async def test_what_was_revoked_before_is_known_from_the_first_request(world: World) -> None:
    world.revoked = ("anna",)
    assert not await world.alive()


async def test_a_list_of_several_pages_is_fetched_to_its_end(world: World) -> None:
    world.revoked = ("berta", "carla", "anna")
    assert not await world.alive()
    assert 3 == world.asked


async def test_a_list_without_an_end_is_given_up() -> None:
    asked: list[ListRevoked] = []

    async def fetch(request: ListRevoked) -> RevokedPage:
        asked.append(request)
        return RevokedPage(session_ids=("s",) * 1000, next_cursor=f"{len(asked):032x}")

    revocations = Revocations(MemoryTransport(MemoryBroker()), fetch)
    with pytest.raises(Unavailable):
        await revocations.require_alive(ANNA)
    assert 100 == len(asked)


@pytest.mark.parametrize(
    "payload",
    [
        *(b"", b"{}", b"[]", b"null", b"not json", b"\xff", b"[" * 100_000),
        *(b'{"session_ids":"anna"}', b'{"session_ids":[7]}', b'{"session_ids":{"anna":1}}'),
        b'{"session_ids":["\\ud800"]}',
        b'{"session_ids":["' + b"x" * 500_000 + b'"]}',
    ],
)
async def test_an_event_that_does_not_fit_is_passed_over(world: World, payload: bytes) -> None:
    assert await world.alive()
    await world.auth.publish(EVENTS_AUTH_SESSIONS_REVOKED.subject, payload)
    await asyncio.sleep(0)
    assert await world.alive()
    await world.publish()
    assert not await world.alive()


async def test_an_event_is_enough(world: World) -> None:
    assert await world.alive()
    await world.publish()
    assert not await world.alive()
    assert 1 == world.asked


async def test_an_event_that_comes_while_the_list_is_fetched_is_not_lost(world: World) -> None:
    world.answers.clear()
    fetching = asyncio.create_task(world.alive())
    while not world.asked:
        await asyncio.sleep(0)
    await world.publish()
    world.answers.set()
    await fetching
    assert not await world.alive()


async def test_what_was_missed_is_fetched_after_a_reconnect(world: World) -> None:
    assert await world.alive()
    world.transport.disconnect()
    world.revoked = ("anna",)
    await world.publish()
    world.transport.reconnect()
    world.clock.now += 1
    assert not await world.alive()


async def test_without_the_auth_service_it_goes_on_with_what_it_knows(world: World) -> None:
    assert await world.alive()
    world.transport.disconnect()
    world.transport.reconnect()
    world.away = True
    world.clock.now += 1
    for _ in range(10):
        assert await world.alive()
    assert 2 == world.asked, "it is not asked at each request"


async def test_before_it_knows_anything_nobody_is_let_in(world: World) -> None:
    world.away = True
    with pytest.raises(Unavailable, match="cannot be checked") as refusal:
        await world.alive()
    assert "revocations_unavailable" == refusal.value.reason
    assert not await world.gateway.known()
    world.away = False
    assert await world.gateway.known()
    world.away = True
    assert await world.alive()


async def test_an_event_that_was_lost_is_made_up_for(world: World) -> None:
    assert await world.alive()
    world.revoked = ("anna",)
    world.clock.now += 6
    await world.alive()
    await task_named(REFRESH_TASK)
    assert not await world.alive()


async def test_whoever_follows_sessions_is_told_of_each_that_ends(world: World) -> None:
    ended: list[str] = []
    world.gateway = Revocations(world.transport, world.fetch, world.clock, ended.extend)
    assert await world.alive()
    await world.publish()
    assert ["anna"] == ended
    world.revoked = ("anna", "berta")
    world.clock.now += 6
    assert not await world.alive()
    await task_named(REFRESH_TASK)
    assert ["anna", "berta"] == ended


async def test_many_at_once_ask_once(world: World) -> None:
    assert [True] * 20 == await asyncio.gather(*(world.alive() for _ in range(20)))
    assert 1 == world.asked


async def test_what_is_refreshed_beside_the_requests_has_no_request_s_deadline(world: World) -> None:
    assert await world.alive()
    world.clock.now += 6
    with working_on(Context("r1", asyncio.get_running_loop().time() + 5, authorization="Bearer x")):
        await world.alive()
    await task_named(REFRESH_TASK)
    assert [None, None] == world.worked_for
