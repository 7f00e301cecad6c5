"""What fails, and what cannot be understood: on a real JetStream and a real PostgreSQL."""

import asyncio

import pytest

from mesh.core.errors import Unavailable
from mesh.events import jetstream
from mesh.events.jetstream import DEAD, EVENTS
from mesh.nats.transport import NatsTransport
from ops.streams import MAX_DEAD, MAX_EVENT
from providers.postgres.database import Database
from tests.integration.events.consuming import SOON, add, consuming, dead, publish, settled
from tests.support.events.on_servers import Effects, numbers
from tests.support.events.sample_events import HAPPENED, SETTLED, Happened, entry
from tests.support.events.streams import api


@pytest.fixture(autouse=True)
async def _direct(transport: NatsTransport) -> None:
    config = (await api(transport, f"STREAM.INFO.{DEAD}"))["config"]
    await api(transport, f"STREAM.UPDATE.{DEAD}", {**config, "allow_direct": True})


async def test_a_failing_event_is_tried_again_then_dead_and_holds_nobody_up(
    database: Database, transport: NatsTransport
) -> None:
    tried: list[int] = []
    later = SOON._replace(first=0.5)

    async def fail_one(effects: Effects, event: Happened) -> None:
        tried.append(event.number)
        await effects.add(event.number)
        if event.number == 1:
            raise ZeroDivisionError("one is bad")

    async with consuming(transport, database, fail_one, concurrency=1, retries=later) as consumer:
        ids = await publish(transport, 1, 2, 3)
        await settled(transport)

    assert [2, 3] == await numbers(database)
    assert 3 == tried.count(1)
    assert tried.index(3) < len(tried) - 1 - tried[::-1].index(1)  # the others did not wait for its last try
    [letter] = await dead(transport)
    assert ("internal", "ZeroDivisionError: one is bad", "3", "events.sample.happened", "1") == tuple(
        letter[f"Dead-{name}"] for name in ("Reason", "Detail", "Attempts", "Subject", "Sequence")
    )
    assert (ids[0], "sample.happened") == (letter["ce-id"], letter["ce-type"])
    assert f"sample:{ids[0]}" == letter["Nats-Msg-Id"]
    counted = consumer.statistics()["handlers"]["sample.happened"]
    assert (2, 3, 2, 1, 0) == tuple(counted[name] for name in ("handled", "errors", "retried", "dead", "running"))
    assert "internal: ZeroDivisionError: one is bad" == counted["last_error"]


async def test_an_outage_has_more_tries_than_a_bug(database: Database, transport: NatsTransport) -> None:
    tries = 0

    async def fail_at_first(effects: Effects, event: Happened) -> None:
        nonlocal tries
        tries += 1
        if tries <= SOON.tries + 1:
            raise Unavailable("dependency_unavailable", "it is away")
        await add(effects, event)

    async with consuming(transport, database, fail_at_first):
        await publish(transport, 1)
        await settled(transport)

    assert [1] == await numbers(database)
    assert [] == await dead(transport)


@pytest.mark.parametrize(
    ("headers", "body", "reason"),
    [
        ({"ce-id": "no uuid"}, b'{"number":1}', "no_cloud_event"),
        ({"ce-specversion": "0.3"}, b'{"number":1}', "no_cloud_event"),
        ({"ce-type": "sample.settled"}, b'{"number":1}', "unknown_type"),
        ({}, b'{"number":"one"}', "invalid_payload"),
        ({}, b"\xff\x00", "invalid_payload"),
        ({}, b"", "invalid_payload"),
        ({}, b'{"number":1,"number":2}', "invalid_payload"),
        ({"Status": "100"}, b"", "invalid_payload"),
    ],
)
async def test_what_cannot_be_understood_is_dead_at_once(
    database: Database, transport: NatsTransport, headers: dict[str, str], body: bytes, reason: str
) -> None:
    one = entry(1)
    async with consuming(transport, database):
        await jetstream.publish(transport, one.subject, body, {**one.headers, **headers})
        await settled(transport)

    [letter] = await dead(transport)
    assert (reason, "1") == (letter["Dead-Reason"], letter["Dead-Attempts"])


async def test_the_publisher_of_one_event_cannot_pose_as_that_of_another(
    database: Database, transport: NatsTransport
) -> None:
    one = entry(1, event=SETTLED)
    async with consuming(transport, database):
        await jetstream.publish(transport, one.subject, one.body, {**one.headers, "ce-type": HAPPENED.type})
        await settled(transport)

    [letter] = await dead(transport)
    assert "wrong_subject" == letter["Dead-Reason"]
    assert [] == await numbers(database)


async def test_a_message_without_headers_is_dead_at_once(database: Database, transport: NatsTransport) -> None:
    async with consuming(transport, database):
        await jetstream.publish(transport, HAPPENED.subject, b'{"number":1}', {})
        await settled(transport)

    [letter] = await dead(transport)
    assert ("no_cloud_event", "the message has no ce-specversion") == (letter["Dead-Reason"], letter["Dead-Detail"])


@pytest.mark.parametrize(
    ("head", "detail"),
    [
        (b"NATS/1.0\r\nno colon\r\n\r\n", "a header without a colon"),
        (b"NATS/1.0\r\na b: 1\r\n\r\n", "a header whose name is no token"),
        (b"HTTP/1.1\r\n\r\n", "headers of another version"),
        (b"NATS/1.0\r\na: " + b"a" * 33_000 + b"\r\n\r\n", "headers that are too large"),
    ],
)
async def test_a_message_whose_headers_cannot_be_read_is_dead_at_once(
    database: Database, transport: NatsTransport, head: bytes, detail: str
) -> None:
    async with consuming(transport, database):
        command = b"HPUB %b %d %d\r\n%b{}\r\n" % (HAPPENED.subject.encode(), len(head), len(head) + 2, head)
        transport.connection.send(command)
        while not await dead(transport):
            await asyncio.sleep(0.005)
        await settled(transport)

    [letter] = await dead(transport)
    assert ("no_cloud_event", "1") == (letter["Dead-Reason"], letter["Dead-Attempts"])
    assert f"the message has {detail}" == letter["Dead-Detail"]


@pytest.mark.parametrize(
    "odd",
    [
        b"h: " + b"\xff" * 31_000 + b"\r\n",  # each becomes three bytes
        b"ce-id: " + b"x" * 31_000 + b"\r\n",  # would be in the message's id too
        b"".join(b"h%d: x\r\n" % number for number in range(99)),
    ],
)
async def test_a_dead_letter_is_stored_and_readable_however_much_the_event_had(
    database: Database, transport: NatsTransport, odd: bytes
) -> None:
    config = (await api(transport, f"STREAM.INFO.{DEAD}"))["config"]
    await api(transport, f"STREAM.UPDATE.{DEAD}", {**config, "max_msg_size": MAX_DEAD})
    head = b"NATS/1.0\r\n%b\r\n" % odd
    body = b"x" * (MAX_EVENT - len(head))
    async with consuming(transport, database):
        command = b"HPUB %b %d %d\r\n%b%b\r\n"
        subject, size = HAPPENED.subject.encode(), len(head) + len(body)
        transport.connection.send(command % (subject, len(head), size, head, body))
        while not await dead(transport):
            await asyncio.sleep(0.005)
        await settled(transport)

    [letter] = await dead(transport)
    assert ("no_cloud_event", "1") == (letter["Dead-Reason"], letter["Dead-Attempts"])


async def test_an_ordered_retry_is_handled_by_its_type(database: Database, transport: NatsTransport) -> None:
    one = entry(1)
    async with consuming(transport, database):
        await jetstream.publish(transport, "retry.sample", one.body, {**one.headers, "Nats-Msg-Id": "again"})
        await settled(transport)

    assert [1] == await numbers(database)


async def test_without_a_stream_for_dead_letters_the_event_stays(database: Database, transport: NatsTransport) -> None:
    config = (await api(transport, f"STREAM.INFO.{DEAD}"))["config"]
    await api(transport, f"STREAM.DELETE.{DEAD}")
    async with consuming(transport, database):
        await jetstream.publish(transport, HAPPENED.subject, b"{}", {})
        while (await api(transport, f"CONSUMER.INFO.{EVENTS}.sample"))["num_redelivered"] == 0:
            await asyncio.sleep(0.005)
        await api(transport, f"STREAM.CREATE.{DEAD}", config)
        await settled(transport)

    assert 1 == len(await dead(transport))


async def test_a_handler_beyond_its_time_is_ended_and_undone(database: Database, transport: NatsTransport) -> None:
    async def hang(effects: Effects, event: Happened) -> None:
        await add(effects, event)
        await asyncio.sleep(1000)

    async with consuming(transport, database, hang, timeout=0.1):
        await publish(transport, 1)
        await settled(transport)

    assert [] == await numbers(database)
    [letter] = await dead(transport)
    assert ("deadline_exceeded", "the handler took longer than 0.1 s") == (
        letter["Dead-Reason"],
        letter["Dead-Detail"],
    )
