"""What a worker that handles events could try by way of the server, which answers wherever it is told to."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from devstack.servers.all import Servers
from mesh.core.endpoint import Access, Endpoint
from mesh.core.errors import NoResponder, Refused
from mesh.nats.transport import NatsTransport
from mesh.service.service import Service
from mesh.transport.base import Message
from ops.jetstream import JetStream
from subjects import CUSTOMERS_GET
from tests.security.nats import raw
from tests.support.events.durable_events import connected, publish, pull
from tests.support.mesh.sample_service import Said, Say, verify
from tests.support.waiting import until

PULL = "$JS.API.CONSUMER.MSG.NEXT.EVENTS.depot"
GUESSES = 200


@pytest.fixture
async def sales(streams: Servers) -> AsyncIterator[NatsTransport]:
    async with connected(streams, "sales") as transport:
        yield transport


@pytest.fixture
async def depot(streams: Servers) -> AsyncIterator[NatsTransport]:
    async with connected(streams, "depot") as transport:
        yield transport


@pytest.fixture
async def executed(streams: Servers) -> AsyncIterator[list[str]]:
    """What a worker of customers has executed: it serves its real subject with a handler that only notes."""
    done: list[str] = []

    async def note(request: Say) -> Said:
        done.append(request.text)
        return Said(text="done")

    async with connected(streams, "customers") as transport:
        service = Service("customers", transport, version="1.0.0", description="A service of the tests", verify=verify)
        service.add(Endpoint(CUSTOMERS_GET.subject, Say, Said, Access.ANYONE, idempotent=True), note)
        await service.start()
        yield done
        await service.drain()


async def after_all_before(streams: Servers) -> None:
    """Have the worker execute a request of the gateway: what came to it before has been dealt with then."""
    async with connected(streams, "gateway") as gateway:
        await gateway.request(CUSTOMERS_GET.subject, b'{"text": "honest"}', {}, 10)


async def stored(sales: NatsTransport, text: str) -> None:
    await publish(sales, "events.sales.placed", json.dumps({"text": text}).encode())


async def test_a_pull_whose_reply_subject_is_a_request_executes_nothing(
    streams: Servers, sales: NatsTransport, depot: NatsTransport, executed: list[str]
) -> None:
    """The server sends the stored event, which is a valid request, to the worker: its reply subject is no inbox."""
    async with raw.connected(streams, ["customers"]) as user:
        user["customers"].subscribe(CUSTOMERS_GET.subject, "q")
        assert set() == await user["customers"].refused()
        for number in range(20):  # the two workers of the queue group share them
            await stored(sales, f"forged {number}")
        await depot.publish(PULL, b'{"batch": 20, "expires": 1000000000}', reply=CUSTOMERS_GET.subject)
        await depot.flush()
        while not user["customers"].messages:
            assert set() == await user["customers"].refused()
        replies = {reply.rpartition(".EVENTS.")[0] for _, reply in user["customers"].messages}
        assert {"$JS.ACK"} == replies
    await after_all_before(streams)
    assert ["honest"] == executed


async def test_a_publication_whose_reply_subject_is_a_request_executes_nothing(
    streams: Servers, sales: NatsTransport, executed: list[str]
) -> None:
    for _ in range(5):
        await sales.publish("events.sales.placed", b"{}", reply=CUSTOMERS_GET.subject)
    await sales.flush()
    await stored(sales, "until the stream has answered the others")
    await after_all_before(streams)
    assert ["honest"] == executed


async def test_what_an_operator_reads_to_a_request_executes_nothing(
    streams: Servers, sales: NatsTransport, executed: list[str]
) -> None:
    await stored(sales, "read aloud")
    async with connected(streams, "operator") as operator:
        for subject in ("$JS.API.DIRECT.GET.EVENTS", "$JS.API.STREAM.MSG.GET.EVENTS"):
            asked = {"last_by_subj": "events.sales.placed"}
            await operator.publish(subject, json.dumps(asked).encode(), reply=CUSTOMERS_GET.subject)
            assert (await operator.request(subject, json.dumps(asked).encode(), {}, 10)).payload
    await after_all_before(streams)
    assert ["honest"] == executed


async def test_whoever_knows_an_inbox_cannot_forge_the_answer_to_another_request(
    streams: Servers, sales: NatsTransport, depot: NatsTransport
) -> None:
    """A worker knows the gateway's inbox by the requests that it gets; the last word of each is drawn by lot."""
    heard: list[Message] = []
    async with connected(streams, "gateway") as gateway, connected(streams, "customers") as worker:
        await worker.subscribe(CUSTOMERS_GET.subject, heard.append, "q")
        asking = [asyncio.create_task(gateway.request(CUSTOMERS_GET.subject, b"{}", {}, 60)) for _ in range(2)]
        await until(lambda: len(heard) == 2)
        known = heard[0].reply
        inbox, token = known.rsplit(".", 1)
        for number in range(GUESSES):
            guess = f"{inbox}.{(int(token, 16) + number + 1) % 16**16:016x}"
            await sales.publish("events.sales.placed", b"{}", reply=guess)
            await depot.publish(PULL, b'{"batch": 1, "no_wait": true}', reply=guess)
        for transport in (sales, depot, gateway):
            await transport.flush()
        await stored(sales, "until the stream has answered the others")
        assert not any(task.done() for task in asking)
        for message in heard:
            await worker.publish(message.reply, b"honest")
        assert [b"honest", b"honest"] == [(await task).payload for task in asking]


async def test_nobody_acknowledges_in_anothers_stead(streams: Servers, sales: NatsTransport) -> None:
    await stored(sales, "for depot and courier")
    async with connected(streams, "courier") as courier, connected(streams, "operator") as operator:
        asked = JetStream(operator)
        [pulled] = await pull(courier, "courier")
        assert pulled.reply.startswith("$JS.ACK.EVENTS.courier.")
        async with raw.connected(streams, ["depot", "sales", "customers", "gateway", "operator", "deployer"]) as others:
            for user, connection in others.items():
                connection.publish(pulled.reply)
                assert {("Publish", pulled.reply, "")} == await connection.refused(), user
        pending = await asked.consumer("EVENTS", "courier")
        assert pending is not None
        assert pending.num_ack_pending >= 1
        await courier.publish(pulled.reply, b"+ACK")
        await courier.flush()
        await until_acknowledged(asked, pending.num_ack_pending - 1)


async def until_acknowledged(asked: JetStream, left: int) -> None:
    while (found := await asked.consumer("EVENTS", "courier")) is None or found.num_ack_pending != left:
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("thief", ["sales", "courier", "customers", "gateway", "operator", "deployer", "idle"])
async def test_nobody_reads_from_anothers_consumer(streams: Servers, thief: str) -> None:
    async with connected(streams, thief) as transport:
        with pytest.raises(Refused):
            await transport.request(PULL, b"", {}, 60)


@pytest.mark.parametrize("user", ["sales", "depot", "customers", "auth", "gateway", "operator", "idle"])
async def test_nobody_makes_a_stream_that_stores_requests(streams: Servers, user: str) -> None:
    for name in ("EVENTS", "DEAD", "SPY"):
        for verb in ("CREATE", "UPDATE"):
            body = json.dumps({"name": name, "subjects": ["auth.login"], "storage": "memory"}).encode()
            async with connected(streams, user) as transport:
                with pytest.raises(Refused):
                    await transport.request(f"$JS.API.STREAM.{verb}.{name}", body, {}, 60)


async def test_the_deployer_makes_no_stream_of_another_name(streams: Servers) -> None:
    async with connected(streams, "deployer") as transport:
        with pytest.raises(Refused):
            await transport.request("$JS.API.STREAM.CREATE.SPY", b'{"name": "SPY", "subjects": ["auth.>"]}', {}, 60)


@pytest.mark.parametrize(
    "headers",
    [
        {"Nats-Rollup": "all"},
        {"Nats-Rollup": "sub"},
        {"Nats-TTL": "1s"},
        {"Nats-Schedule": "@at 2026-01-01T00:00:00Z", "Nats-Schedule-Target": "events.depot.reserved"},
        {"Nats-Incr": "1"},
        {"Nats-Batch-Id": "b", "Nats-Batch-Sequence": "1", "Nats-Batch-Commit": "1"},
    ],
    ids=lambda headers: next(iter(headers)),
)
async def test_no_header_has_the_server_delete_delay_or_pass_on_an_event(
    streams: Servers, sales: NatsTransport, headers: dict[str, str]
) -> None:
    await stored(sales, "stays")
    async with connected(streams, "operator") as operator:
        before = await JetStream(operator).stream("EVENTS")
        answer = json.loads(await publish(sales, "events.sales.placed", b"{}", headers))
        after = await JetStream(operator).stream("EVENTS")
    assert before is not None
    assert after is not None
    assert "error" in answer
    assert before.state == after.state


async def test_no_request_and_no_reply_is_stored(streams: Servers) -> None:
    """Nor does JetStream answer a request, which would hide that nobody serves it."""
    async with connected(streams, "operator") as operator, connected(streams, "gateway") as gateway:
        before = {info.name: info.state.last_seq for info in await JetStream(operator).streams()}
        for endpoint in ("auth.login", "customers.get", "products.create"):
            with pytest.raises(NoResponder):
                await gateway.request(endpoint, b"{}", {}, 60)
        assert before == {info.name: info.state.last_seq for info in await JetStream(operator).streams()}
    assert {"EVENTS", "DEAD", "FEED"} == before.keys()
