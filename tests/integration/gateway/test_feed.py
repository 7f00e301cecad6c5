"""The feed on a real NATS server, with the streams and the rights that the tables declare."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from devstack.servers.all import Servers
from gateway.upstream.feed import Feed, Shown
from mesh.events.jetstream import FEED
from mesh.events.stored import BATCH, newest
from mesh.nats.transport import NatsTransport
from mesh.wire.headers import MAX_COUNT
from subjects import EVENTS, EVENTS_CUSTOMERS_CHANGED, EVENTS_ORDERS_CONFIRMED, EVENTS_ORDERS_PLACED
from tests.support.events.durable_events import connected, nats, publish
from tests.support.waiting import until


@pytest.fixture(scope="module")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    async with nats(Path(tmp_path_factory.mktemp("feed"))) as servers:
        yield servers


async def told(orders: NatsTransport, number: int) -> None:
    event = EVENTS_ORDERS_PLACED if number % 2 else EVENTS_ORDERS_CONFIRMED
    headers = {"ce-subject": str(number), "Nats-Msg-Id": f"event-{number}", "Nats-Sequence": "999999"}
    await publish(orders, event.subject, b'{"order_id":%d,"user_id":"u%d"}' % (number, number), headers)


async def test_what_is_stored_is_heard_once_in_order_and_over_a_restart_of_nats(servers: Servers) -> None:
    delivered: list[Shown] = []
    lost: list[int] = []
    async with (
        connected(servers, "gateway") as gateway,
        connected(servers, "orders") as orders,
        connected(servers, "customers") as customers,
    ):
        await told(orders, 1)
        while await newest(gateway, FEED) is None:  # the copy takes a moment
            await asyncio.sleep(0.005)
        feed = Feed(gateway, EVENTS, delivered.append, lambda: lost.append(1))
        async with feed.watched():
            await feed.ready()
            for number in range(2, 40):
                await publish(customers, EVENTS_CUSTOMERS_CHANGED.subject, b'{"user_id":"u"}')
                await told(orders, number)
            await until(lambda: len(delivered) == 38)
            await servers.kill("nats")
            await servers.restart("nats")
            await until(lambda: gateway.connected and orders.connected)
            for number in range(40, 60):
                await told(orders, number)
            await until(lambda: len(delivered) == 58)
            missed = await feed.missed(30)
    assert [*range(2, 60)] == [event.sequence for event in delivered]
    assert [str(number) for number in range(2, 60)] == [event.aggregate for event in delivered]
    assert {f"u{number}" for number in range(2, 60)} == {event.user_id for event in delivered}
    assert ("orders.confirmed", "orders.placed") == (delivered[0].type, delivered[1].type)
    assert delivered[29:] == missed
    assert [] == lost


async def test_events_whose_headers_cannot_be_read_keep_their_place(servers: Servers) -> None:
    delivered: list[Shown] = []
    lost: list[int] = []
    head = b"NATS/1.0\r\n%b\r\n" % b"".join(b"h%d: x\r\n" % number for number in range(MAX_COUNT + 1))
    command = b"HPUB %b %d %d\r\n%b{}\r\n" % (EVENTS_ORDERS_PLACED.subject.encode(), len(head), len(head) + 2, head)
    async with connected(servers, "gateway") as gateway, connected(servers, "orders") as orders:
        feed = Feed(gateway, EVENTS, delivered.append, lambda: lost.append(1))
        async with feed.watched():
            await feed.ready()
            start = feed.position
            for _ in range(BATCH + 1):  # a whole batch of them hides what is behind it
                orders.connection.send(command)
            await told(orders, 1001)
            await until(lambda: len(delivered) == 1)
            orders.connection.send(command)
            await until(lambda: feed.position == start + BATCH + 3)
            await feed.refresh()
            missed = await feed.missed(start)
            late = Feed(gateway, EVENTS, delivered.append, lambda: lost.append(1))
            await late.ready()
    assert [*range(start + 1, start + 1 + BATCH)] == [event.sequence for event in missed]
    assert {""} == {event.type for event in missed}
    assert (1, []) == (len(delivered), lost)
