"""The gateway's memory of public reads: how long, how much, for how many at once, and what drops it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import pytest
from starlette.responses import Response

from gateway.upstream.response_cache import MAX_AGE, OVERHEAD, Concern, ResponseCache, Stored, Target
from mesh.core.errors import NotFound, Unavailable
from mesh.transport.memory import MemoryBroker, MemoryTransport
from subjects import EVENTS_PRODUCTS_CHANGED
from tests.support.clock import Clock
from tests.support.waiting import until

SIZE = 4 * (OVERHEAD + 2 * 100)
LIST: Target = ("/v1/products", b"")


def product(number: int) -> Target:
    return (f"/v1/products/{number}", b"")


class World:
    """A gateway's cache, and a worker that replies once `open` is set."""

    def __init__(self, size: int = SIZE) -> None:
        broker = MemoryBroker()
        self.products = MemoryTransport(broker, "products")
        self.transport = MemoryTransport(broker, "gateway")
        self.clock = Clock()
        self.cache = ResponseCache(self.transport, (EVENTS_PRODUCTS_CHANGED,), size, self.clock)
        self.open = asyncio.Event()
        self.open.set()
        self.asked = 0
        self.raises: Exception | None = None

    async def respond(self) -> Response:
        self.asked += 1
        reply = self.asked
        await self.open.wait()
        if self.raises is not None:
            raise self.raises
        return Response(b"%d" % reply + b" " * 99)

    async def get(self, target: Target = LIST, key: str | None = None) -> int:
        """Which reply of the worker is the answer."""
        if (stored := self.cache.find(target)) is not None:
            return int(stored.body)
        if not self.cache.usable:
            return int((await self.respond()).body)
        return int((await self.cache.read(target, Concern("products", key), None, self.respond)).body)

    async def fill(self, *numbers: int) -> None:
        for number in numbers:
            await self.get(product(number), str(number))

    def kept(self, *targets: Target) -> list[bool]:
        return [isinstance(self.cache.find(target), Stored) for target in targets]

    async def change(self, key: str | None) -> None:
        headers = {} if key is None else {"ce-subject": key}
        await self.products.publish(EVENTS_PRODUCTS_CHANGED.subject, b"{}", headers)
        await asyncio.sleep(0)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    async with world.cache.listening():
        yield world


async def test_a_response_is_used_for_ten_seconds_since_the_worker_was_asked(world: World) -> None:
    world.open.clear()
    asked = asyncio.create_task(world.get())
    await until(lambda: world.asked == 1)
    world.clock.now += 4
    world.open.set()
    await asked
    world.clock.now += MAX_AGE - 4.001
    assert (1, 9) == (await world.get(), world.cache.age(world.cache.find(LIST) or pytest.fail("dropped")))
    world.clock.now += 0.001
    assert 2 == await world.get()


async def test_a_thousand_that_miss_together_are_one_request(world: World) -> None:
    world.open.clear()
    asked = [asyncio.create_task(world.get()) for _ in range(1000)]
    await until(lambda: world.cache.stats.reads["joined"] == 999)
    world.open.set()
    assert {1} == {*await asyncio.gather(*asked)}
    assert (1, 1) == (world.asked, world.cache.stats.reads["miss"])


async def test_a_client_that_leaves_ends_the_request_of_no_other(world: World) -> None:
    world.open.clear()
    first, second = asyncio.create_task(world.get()), asyncio.create_task(world.get())
    await until(lambda: world.cache.stats.reads["joined"] == 1)
    first.cancel()
    with suppress(asyncio.CancelledError):
        await first
    world.open.set()
    assert (1, 1) == (await second, await world.get())


async def test_a_failure_is_told_to_all_who_wait_and_is_not_kept(world: World) -> None:
    world.open.clear()
    world.raises = NotFound("product_not_found", "there is no product 1")
    asked = [asyncio.create_task(world.get()) for _ in range(3)]
    await until(lambda: world.cache.stats.reads["joined"] == 2)
    world.open.set()
    assert [world.raises] * 3 == await asyncio.gather(*asked, return_exceptions=True)
    world.raises = None
    assert (2, 0) == (await world.get(), world.cache.stats.drops.total())


async def test_an_event_drops_its_product_and_every_list(world: World) -> None:
    await world.fill(1, 2)
    await world.get()
    await world.change("1")
    assert [False, True, False] == world.kept(product(1), product(2), LIST)
    assert 2 == world.cache.stats.drops["event"]


async def test_an_event_that_names_no_product_drops_them_all(world: World) -> None:
    await world.fill(1, 2)
    await world.change(None)
    assert [False, False] == world.kept(product(1), product(2))


async def test_a_write_of_this_gateway_drops_what_its_service_said(world: World) -> None:
    await world.fill(1, 2)
    world.cache.changed("customers")
    assert [True, True] == world.kept(product(1), product(2))
    world.cache.changed("products")
    assert [False, False] == world.kept(product(1), product(2))


async def break_connection(world: World) -> None:
    world.transport.disconnect()
    world.transport.reconnect()


async def announce(world: World) -> None:
    await world.change("1")


async def write(world: World) -> None:
    world.cache.changed("products")


@pytest.mark.parametrize("happens", [announce, write, break_connection])
async def test_a_reply_that_was_underway_meanwhile_is_neither_kept_nor_joined(
    world: World, happens: Callable[[World], Awaitable[None]]
) -> None:
    world.open.clear()
    before = asyncio.create_task(world.get())
    await until(lambda: world.asked == 1)
    await happens(world)
    after = asyncio.create_task(world.get())
    await until(lambda: world.asked == 2)
    world.open.set()
    assert (1, 2) == (await before, await after)
    assert 1 != await world.get()


async def test_nothing_is_used_without_a_connection_nor_what_is_from_before(world: World) -> None:
    await world.get()
    world.transport.disconnect()
    assert (None, False) == (world.cache.find(LIST), world.cache.usable)
    assert (0, 0) == (len(world.cache), world.cache.size)
    world.transport.reconnect()
    await until(lambda: world.cache.usable)
    assert [2, 2] == [await world.get(), await world.get()]
    await world.change("1")
    assert 3 == await world.get(), "it is subscribed once more"


async def test_the_oldest_go_when_the_room_ends(world: World) -> None:
    await world.fill(1, 2, 3, 4)
    world.cache.find(product(1))
    await world.fill(5)
    assert [True, False, True, True, True] == world.kept(*map(product, range(1, 6)))
    assert (1, SIZE) == (world.cache.stats.drops["room"], world.cache.size)


async def test_requests_in_flight_take_room_too(world: World) -> None:
    world.open.clear()
    asked = [asyncio.create_task(world.get(product(number), str(number))) for number in range(100)]
    await until(lambda: world.asked == 100)
    assert world.cache.size <= SIZE
    world.open.set()
    assert [*range(1, 101)] == sorted(await asyncio.gather(*asked))
    assert world.cache.size <= SIZE


async def test_what_is_larger_than_the_cache_is_not_kept() -> None:
    world = World(size=OVERHEAD + 50)
    async with world.cache.listening():
        assert [1, 2] == [await world.get(), await world.get()]
    assert 0 == world.cache.size


@pytest.mark.parametrize("size", [0, SIZE])
async def test_nothing_is_kept_if_it_is_off_or_does_not_listen(size: int) -> None:
    world = World(size)
    if size:
        assert [1, 2] == [await world.get(), await world.get()]
    else:
        async with world.cache.listening():
            assert [1, 2] == [await world.get(), await world.get()]


async def test_without_leave_to_subscribe_it_answers_nothing() -> None:
    world = World()
    world.transport.disconnect()
    async with world.cache.listening():
        world.raises = Unavailable("nats", "not connected")
        with pytest.raises(Unavailable):
            await world.get()
        world.raises = None
        world.transport.reconnect()
        world.clock.now += 1
        await until(lambda: world.cache.usable)
        first = await world.get()
        assert first == await world.get()
