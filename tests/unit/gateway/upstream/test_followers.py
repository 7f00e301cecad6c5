import asyncio
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest

from gateway.settings import EventLimits
from gateway.upstream.feed import Shown
from gateway.upstream.followers import MOST_WAITING, Followers
from mesh.core.context import Caller
from mesh.core.errors import RateLimited, Unavailable

ANNA = Caller("anna", "s1", frozenset({"USER"}))
ANNA_AGAIN = Caller("anna", "s2", frozenset({"USER"}))
BERTA = Caller("berta", "s3", frozenset({"USER"}))
ADMIN = Caller("carla", "s4", frozenset({"ADMIN"}))


@pytest.fixture
def followers() -> Followers:
    return Followers(EventLimits(gateway_streams=3, gateway_streams_per_user=2))


def event(user_id: str | None = "anna", payload: bytes = b"{}", place: int = 1, aggregate: str = "7") -> Shown:
    return Shown(place, datetime(2026, 11, 30, tzinfo=UTC), "orders.placed", aggregate, user_id, payload)


async def test_an_event_goes_to_its_user_and_to_administrators(followers: Followers) -> None:
    with ExitStack() as open_streams:
        anna, again, berta, admin = (
            open_streams.enter_context(followers.following(one)) for one in (ANNA, ANNA_AGAIN, BERTA, ADMIN)
        )
        followers.deliver(event())
        followers.deliver(event(None, place=2))
        text = b"id: 1\nevent: orders.placed\ndata: {}\n\n"
        assert [text, text, b""] == [await one.take(0) for one in (anna, again, berta)]
        assert text + text.replace(b"1", b"2") == await admin.take(0)
    followers.deliver(event())


async def test_data_of_several_lines_stays_one_event(followers: Followers) -> None:
    with followers.following(ANNA) as anna:
        followers.deliver(event(payload=b'{\n"a":\r\n1,\r"b":2}\n'))
        expected = b'id: 1\nevent: orders.placed\ndata: {\ndata: "a":\ndata: 1,\ndata: "b":2}\ndata: \n\n'
        assert expected == await anna.take(0)


async def test_a_slow_reader_is_ended_and_holds_no_memory(followers: Followers) -> None:
    with followers.following(ANNA) as anna, followers.following(ADMIN) as admin:
        place = 0
        while not anna.ended:
            place += 1
            followers.deliver(event(payload=b'"%b"' % (b"x" * 10_000), place=place))
            assert 10_000 < len(await admin.take(0)) < 11_000
        assert MOST_WAITING / 11_000 < place < MOST_WAITING / 10_000 + 1
        assert b"" == await anna.take(0)
        assert not admin.ended


async def test_an_event_wakes_whoever_waits_for_one(followers: Followers) -> None:
    with followers.following(ANNA) as anna:
        taking = asyncio.create_task(anna.take(60))
        await asyncio.sleep(0)
        followers.deliver(event())
        assert (await taking).startswith(b"id: 1\n")


def test_streams_are_limited_for_each_user_and_for_all(followers: Followers) -> None:
    with followers.streams.taken("anna"):
        with followers.streams.taken("anna"):
            with pytest.raises(RateLimited, match="you have too many event streams"), followers.streams.taken("anna"):
                raise AssertionError
            with (
                followers.streams.taken("berta"),
                pytest.raises(Unavailable, match="limit of event streams"),
                followers.streams.taken("carla"),
            ):
                raise AssertionError
        with followers.streams.taken("anna"), followers.streams.taken("carla"):
            pass


async def test_the_end_of_a_session_ends_its_streams_alone(followers: Followers) -> None:
    with followers.following(ANNA) as anna, followers.following(ANNA_AGAIN) as again:
        followers.end_sessions(["s1", "unknown"])
        assert (True, False) == (anna.ended, again.ended)


async def test_a_wait_ends_with_an_event_that_ends_it(followers: Followers) -> None:
    ends = {"orders.placed": False, "orders.confirmed": True}
    with followers.waiting(("orders", "7"), ends.__getitem__) as waited:
        followers.deliver(event())
        followers.deliver(event(aggregate="8")._replace(type="orders.confirmed"))
        followers.deliver(event()._replace(type="shipping.confirmed"))
        assert not waited.done()
        followers.deliver(event()._replace(type="orders.confirmed"))
        followers.deliver(event()._replace(type="orders.confirmed"))
        assert waited.done()


async def test_a_gateway_that_stops_ends_everything_and_begins_nothing(followers: Followers) -> None:
    with followers.following(ANNA) as anna, followers.waiting(("orders", "7"), lambda _: False) as waited:
        followers.refuse_if_closed()
        followers.close()
        assert anna.ended
        assert waited.done()
    with followers.following(ANNA) as anna, followers.waiting(("orders", "7"), lambda _: False) as waited:
        assert anna.ended
        assert waited.done()
    with pytest.raises(Unavailable, match="stopping"):
        followers.refuse_if_closed()
