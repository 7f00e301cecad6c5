"""The relay between a real PostgreSQL and a real JetStream."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mesh.events.jetstream import EVENTS
from mesh.events.relay import Relay
from mesh.nats.transport import NatsTransport
from providers.postgres.database import Database
from providers.postgres.outbox import PostgresOutbox
from tests.support.events.on_servers import NEVER, Connect, left, pulled, write
from tests.support.events.streams import api, stored
from tests.support.servers.nats_server import NatsServer
from tests.support.waiting import until


@asynccontextmanager
async def relaying(database: Database, transport: NatsTransport, poll: float = NEVER) -> AsyncIterator[Relay]:
    relay = Relay(PostgresOutbox(database), transport, poll=poll)
    await relay.start()
    yield relay
    await relay.drain()


async def emptied(database: Database) -> None:
    while await left(database):
        await asyncio.sleep(0.005)


async def test_a_commit_wakes_the_relay(database: Database, transport: NatsTransport) -> None:
    async with relaying(database, transport) as relay:
        for number in range(5):
            await write(database, ("a", number))
            await until(lambda number=number: relay.stats.published == number + 1)  # type: ignore[misc]

    assert (5, 0) == (await stored(transport, EVENTS), await left(database))


async def test_what_a_dead_process_left_is_found_by_the_poll(database: Database, transport: NatsTransport) -> None:
    async with relaying(database, transport, poll=0.05) as relay:
        await write(database, ("a", 1))
        database.outbox_written.clear()  # the process that wrote it told nobody here
        await until(lambda: relay.stats.published == 1)


async def test_an_absent_nats_only_delays(database: Database, transport: NatsTransport, server: NatsServer) -> None:
    async with relaying(database, transport) as relay:
        await server.kill()
        await write(database, ("a", 1), ("a", 2))
        await until(lambda: not transport.connected)
        assert 2 == await left(database)
        await server.start()
        await until(lambda: relay.stats.published == 2)

    assert 2 == await stored(transport, EVENTS)


async def test_a_stream_that_refuses_only_delays(database: Database, transport: NatsTransport) -> None:
    stream = (await api(transport, f"STREAM.INFO.{EVENTS}"))["config"]
    await api(transport, f"STREAM.UPDATE.{EVENTS}", {**stream, "max_msgs": 1})
    async with relaying(database, transport) as relay:
        await write(database, ("a", 1), ("a", 2))
        await until(lambda: relay.stats.errors > 2)
        assert 1 == await left(database)
        assert "maximum messages exceeded" in relay.stats.last_error
        await api(transport, f"STREAM.UPDATE.{EVENTS}", {**stream, "max_msgs": -1})
        await emptied(database)

    assert 2 == await stored(transport, EVENTS)


async def test_without_a_stream_the_events_wait(database: Database, server: NatsServer) -> None:
    transport = await server.connect("sample")
    async with relaying(database, transport) as relay:
        await write(database, ("a", 1))
        await until(lambda: relay.stats.errors > 0)

    assert 1 == await left(database)
    assert "no worker serves events.sample.happened" in relay.stats.last_error
    await transport.close()


async def test_an_event_that_is_sent_again_is_stored_once(database: Database, transport: NatsTransport) -> None:
    await write(database, ("a", 1))
    relay = Relay(PostgresOutbox(database), transport)

    async def die() -> None:
        async with PostgresOutbox(database).claim(1) as batch:
            await relay.publish_in_order(batch.entries)
            raise ZeroDivisionError  # before it could remove the entry

    with pytest.raises(ZeroDivisionError):
        await die()
    async with relaying(database, transport, poll=0.05):
        await emptied(database)

    assert 1 == await stored(transport, EVENTS)


async def test_several_relays_keep_the_order_of_each_aggregate(database: Database, connect: Connect) -> None:
    relays = [Relay(PostgresOutbox(database), await connect(), poll=0.02, most=7) for _ in range(3)]
    for relay in relays:
        await relay.start()

    async def change(aggregate: str) -> None:
        await write(database, *((aggregate, number) for number in range(20)))

    await asyncio.gather(*(change(f"a{number}") for number in range(8)))
    await emptied(database)
    for relay in relays:
        await relay.drain()

    got: dict[str, list[bytes]] = {}
    for message in await pulled(await connect(), 160):
        got.setdefault(message.headers["ce-subject"], []).append(message.payload)
    in_order = [b'{"number":%d}' % number for number in range(20)]
    assert {f"a{number}": in_order for number in range(8)} == got
    assert 160 == sum(relay.stats.published for relay in relays)
