"""The consumer between a real JetStream and a real PostgreSQL."""

import asyncio

from mesh.core.context import current
from mesh.events import jetstream
from mesh.events.cloud_event import handled
from mesh.events.jetstream import EVENTS
from mesh.nats.transport import NatsTransport
from providers.postgres.database import Database
from tests.integration.events.consuming import Handle, add, consuming, publish, settled
from tests.support.events.on_servers import Connect, Effects, numbers
from tests.support.events.sample_events import SETTLED, Happened, entry
from tests.support.events.streams import api, unsettled
from tests.support.servers.nats_server import NatsServer
from tests.support.waiting import until


async def test_an_event_takes_effect_once_and_is_settled(database: Database, transport: NatsTransport) -> None:
    async with consuming(transport, database) as consumer:
        await publish(transport, *range(50))
        await settled(transport)

    assert [*range(50)] == await numbers(database)
    counted = consumer.statistics()["handlers"]["sample.happened"]
    assert (50, 0, 0, 0) == (counted["handled"], counted["repeated"], counted["errors"], counted["dead"])


async def test_no_more_run_at_once_than_there_is_room_for(database: Database, transport: NatsTransport) -> None:
    most = 0

    async def watch(effects: Effects, event: Happened) -> None:
        nonlocal most
        most = max(most, consumer.running)
        assert 1 <= consumer.statistics()["handlers"]["sample.happened"]["running"] <= consumer.running
        await add(effects, event)

    await publish(transport, *range(60))
    async with consuming(transport, database, watch, concurrency=4) as consumer:
        await until(lambda: consumer.statistics()["handlers"]["sample.happened"]["handled"] == 60)
        await settled(transport)

    assert 4 == most
    assert [*range(60)] == await numbers(database)


async def test_a_repetition_beyond_the_streams_window_takes_no_effect(
    database: Database, transport: NatsTransport
) -> None:
    one = entry(1)
    async with consuming(transport, database) as consumer:
        for number in range(3):  # with an id of its own for the stream, as after the window
            headers = {**one.headers, "Nats-Msg-Id": str(number)}
            await jetstream.publish(transport, one.subject, one.body, headers)
        await settled(transport)

    assert [1] == await numbers(database)
    assert 2 == consumer.statistics()["handlers"]["sample.happened"]["repeated"]


async def test_a_handler_works_in_the_request_that_caused_the_event(
    database: Database, transport: NatsTransport
) -> None:
    seen: list[object] = []

    async def look(effects: Effects, event: Happened) -> None:
        context, cloud_event = current(), handled()
        assert context
        assert cloud_event
        seen.extend((context.request_id, context.trace["traceparent"], cloud_event.id, context.remaining() > 20))

    one = entry(1)
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
    headers = {**one.headers, "X-Request-Id": "from-http", "traceparent": trace}
    async with consuming(transport, database, look):
        await jetstream.publish(transport, one.subject, one.body, headers)
        await settled(transport)

    assert ["from-http", trace, one.id, True] == seen


async def test_a_handler_that_takes_long_is_not_run_twice(database: Database, transport: NatsTransport) -> None:
    tries = 0

    async def dawdle(effects: Effects, event: Happened) -> None:
        nonlocal tries
        tries += 1
        await asyncio.sleep(4.5)  # the server's patience is 2 s
        await add(effects, event)

    async with consuming(transport, database, dawdle):
        await publish(transport, 1)
        await settled(transport)

    assert 1 == tries
    assert [1] == await numbers(database)


async def test_a_drain_finishes_what_is_at_work(database: Database, transport: NatsTransport) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def wait(effects: Effects, event: Happened) -> None:
        begun.set()
        await go_on.wait()
        await add(effects, event)

    async with consuming(transport, database, wait):
        await publish(transport, 1)
        await begun.wait()
        asyncio.get_running_loop().call_later(0.05, go_on.set)

    assert [1] == await numbers(database)
    assert 0 == await unsettled(transport, "sample")


async def test_a_drain_hands_back_what_takes_too_long(
    database: Database, transport: NatsTransport, connect: Connect
) -> None:
    begun = asyncio.Event()

    async def hang(effects: Effects, event: Happened) -> None:
        await add(effects, event)
        begun.set()
        await asyncio.sleep(1000)

    async with consuming(transport, database, hang, ack_wait=1000):
        await publish(transport, 1)
        await begun.wait()
    async with consuming(await connect(), database):
        await settled(transport)

    assert [1] == await numbers(database)


async def test_a_paused_consumer_leaves_events_to_another_instance(
    database: Database, transport: NatsTransport, connect: Connect
) -> None:
    taken: list[str] = []

    def by(name: str) -> Handle:
        async def take(effects: Effects, event: Happened) -> None:
            taken.append(name)
            await add(effects, event)

        return take

    async with (
        consuming(transport, database, by("one")) as one,
        consuming(await connect(), database, by("two")) as two,
    ):
        await one.pause()
        await publish(transport, *range(10))
        await settled(transport)
        await two.pause()
        one.resume()
        await publish(transport, *range(10, 20))
        await settled(transport)

    assert ["two"] * 10 + ["one"] * 10 == taken


async def test_consumption_goes_on_after_a_restart_of_nats(
    database: Database, transport: NatsTransport, server: NatsServer
) -> None:
    async with consuming(transport, database):
        await publish(transport, 1)
        await settled(transport)
        await server.kill()
        await until(lambda: not transport.connected)
        await server.start()
        await until(lambda: transport.connected)
        await publish(transport, 2)
        await settled(transport)

    assert [1, 2] == await numbers(database)


async def test_messages_of_another_consumer_are_not_handled(database: Database, transport: NatsTransport) -> None:
    """Whoever may pull from a consumer of their own names any inbox, and the server answers there."""
    await publish(transport, 1, event=SETTLED)
    async with consuming(transport, database, event=SETTLED) as consumer:
        await settled(transport)
        config = {"durable_name": "other", "name": "other", "ack_policy": "explicit", "filter_subjects": []}
        await api(
            transport,
            f"CONSUMER.CREATE.{EVENTS}.other",
            {"stream_name": EVENTS, "config": config, "action": "create"},
        )
        inbox = consumer.puller.inbox
        await transport.publish(f"$JS.API.CONSUMER.MSG.NEXT.{EVENTS}.other", b'{"batch":1}', reply=inbox)
        while (await api(transport, f"CONSUMER.INFO.{EVENTS}.other"))["num_ack_pending"] == 0:
            await asyncio.sleep(0.005)
        await transport.flush()
        await publish(transport, 2, event=SETTLED)
        await settled(transport)

    counted = consumer.statistics()["handlers"]["sample.settled"]
    assert (2, 0) == (counted["handled"], counted["repeated"])
