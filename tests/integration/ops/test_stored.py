"""Stored messages are read in order, without a consumer, whatever their publisher put into their headers."""

import asyncio
from datetime import UTC, datetime

import pytest

from devstack.servers.all import Servers
from mesh.events.stored import StreamError, read, read_all
from mesh.wire.headers import UNREADABLE
from ops.dead_letters import retry
from ops.jetstream import JetStream
from ops.stream_changes import apply
from ops.streams import streams
from tests.support.events.durable_events import EVENTS, ROWS, connected, publish, pull


@pytest.fixture
async def made(empty: Servers, deployer: JetStream) -> Servers:
    await apply(deployer, streams(ROWS, EVENTS))
    return empty


async def test_all_messages_come_in_their_order_over_many_batches(made: Servers, operator: JetStream) -> None:
    async with connected(made, "sales") as sales:
        for number in range(600):
            await publish(sales, "events.sales.placed", str(number).encode(), {"ce-id": f"id-{number}"})
    found = [message async for message in read_all(operator.transport, "EVENTS")]
    assert [str(number).encode() for number in range(600)] == [message.payload for message in found]
    assert [{"ce-id": f"id-{number}"} for number in range(600)] == [message.headers for message in found]
    assert list(range(1, 601)) == [message.sequence for message in found]


async def test_reading_begins_at_a_sequence_a_time_and_a_subject(made: Servers, operator: JetStream) -> None:
    async with connected(made, "sales") as sales:
        await publish(sales, "events.sales.placed", b"1")
        await publish(sales, "events.sales.cancelled", b"2")
        [first] = await read(operator.transport, "EVENTS", 1, most=1)
        await publish(sales, "events.sales.placed", b"3")

    async def payloads(start: int | datetime, subject: str = ">") -> list[bytes]:
        return [message.payload for message in await read(operator.transport, "EVENTS", start, subject)]

    assert [b"2", b"3"] == await payloads(2)
    assert [b"1", b"3"] == await payloads(1, "events.sales.placed")
    assert [b"1", b"2", b"3"] == await payloads(first.time)
    assert [] == await payloads(datetime.now(UTC).replace(year=2100))
    assert [] == await payloads(99)
    assert [] == await payloads(1, "events.depot.>")


async def test_headers_that_a_publisher_makes_up_mislead_nobody(made: Servers, operator: JetStream) -> None:
    forged = {"Status": "204", "Nats-Sequence": "99", "Nats-Subject": "events.depot.reserved", "Nats-Stream": "DEAD"}
    async with connected(made, "sales") as sales:
        await publish(sales, "events.sales.placed", b"1", forged)
        await publish(sales, "events.sales.placed", b"2")
    found = [message async for message in read_all(operator.transport, "EVENTS")]
    assert [(1, "events.sales.placed", b"1"), (2, "events.sales.placed", b"2")] == [
        (message.sequence, message.subject, message.payload) for message in found
    ]


async def test_a_stream_that_is_not_there_is_an_error_at_once(deployer: JetStream) -> None:
    with pytest.raises(StreamError, match="stream not found"):
        await deployer.delete_consumer("EVENTS", "nobody")
    assert await deployer.stream("EVENTS") is None


async def test_a_dead_letter_is_handled_once_more_by_its_service_alone(made: Servers, operator: JetStream) -> None:
    headers = {"ce-id": "e1", "ce-type": "sales.placed", "Nats-Msg-Id": "e1"}
    async with connected(made, "sales") as sales, connected(made, "depot") as depot:
        await publish(sales, "events.sales.placed", b"{}", headers)
        [message] = await pull(depot, "depot")
        dead = {**headers, "Nats-Msg-Id": "depot:e1", "Dead-Reason": "bug", "Dead-Attempts": "8"}
        await publish(depot, "dead.depot", message.payload, dead)
        await depot.publish(message.reply, b"+ACK")

        [letter] = await read(operator.transport, "DEAD", 1)
        await retry(operator, letter)
        assert [] == await read(operator.transport, "DEAD", 1)
        [again] = await pull(depot, "depot")
    assert ("retry.depot", b"{}") == (again.subject, again.payload)
    kept = {name: value for name, value in again.headers.items() if name.lower() != "nats-msg-id"}
    assert {"ce-id": "e1", "ce-type": "sales.placed"} == kept
    [of_courier] = [one for one in await operator.consumers("EVENTS") if one.name == "courier"]
    assert 1 == of_courier.num_pending


async def test_a_retry_that_broke_off_before_the_letter_was_removed_is_stored_once(
    made: Servers, operator: JetStream
) -> None:
    async with connected(made, "depot") as depot:
        await publish(depot, "dead.depot", b"{}", {"ce-id": "e1", "Dead-Reason": "bug"})
    [letter] = await read(operator.transport, "DEAD", 1)
    for _ in range(2):
        await retry(operator, letter)
    assert 1 == len(await read(operator.transport, "EVENTS", 1, "retry.depot"))


async def test_a_letter_whose_headers_cannot_be_read_is_found_and_retried(made: Servers, operator: JetStream) -> None:
    head = b"NATS/1.0\r\nno colon\r\n\r\n"
    async with connected(made, "depot") as depot:
        depot.connection.send(b"HPUB dead.depot %d %d\r\n%b{}\r\n" % (len(head), len(head) + 2, head))
        await depot.flush()
        while not (found := [letter async for letter in read_all(operator.transport, "DEAD")]):
            await asyncio.sleep(0.005)
        await retry(operator, found[0])
        [again] = await pull(depot, "depot")
    assert ("dead.depot", 1, {UNREADABLE: "a header without a colon"}) == (
        found[0].subject,
        found[0].sequence,
        found[0].headers,
    )
    assert ("retry.depot", b"{}") == (again.subject, again.payload)
