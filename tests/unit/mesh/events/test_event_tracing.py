"""The trace of an event: from the request that causes it to its handler."""

import asyncio

from mesh.core.context import Context, working_on
from mesh.events.consumer import EventConsumer, Handler
from mesh.events.jetstream import publish
from mesh.events.relay import Relay
from mesh.events.retries import Retries
from mesh.transport.memory import MemoryTransport
from tests.support.events.memory_stores import MemoryStore, Session
from tests.support.events.memory_streams import StreamBroker
from tests.support.events.sample_events import HAPPENED, Happened, entry
from tests.support.mesh.spans import Spans

SAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def handle(_: object, event: Happened) -> None:
    """Fail for the second event."""
    if event.number == 2:
        raise ZeroDivisionError(f"event {event.number}")


async def test_a_handlers_span_follows_from_the_span_that_created_the_event() -> None:
    spans, broker = Spans(), StreamBroker()
    settled = broker.add_consumer("sample")
    transport = MemoryTransport(broker, "sample")
    consumer = EventConsumer("sample", transport, [Handler(HAPPENED, handle)], retries=Retries(tries=1))
    consumer.tracer = spans.tracer("consumer")
    await consumer.start()
    request = spans.tracer("publisher").in_worker(Context("r1", 0.0, trace={"traceparent": SAMPLED}), "sample.do")
    with working_on(request):
        events = [entry(1), entry(2)]
    for one in events:
        await publish(transport, one.subject, one.body, one.headers)
        while settled.unsettled or consumer.running:
            await asyncio.sleep(0)
    assert request.span
    request.span.served(None)
    await consumer.drain()

    created, _, first, second, served = spans.all()
    assert served.context
    assert created.context
    assert created.parent
    assert first.parent
    assert ("create events.sample.happened", "PRODUCER") == (created.name, created.kind.name)
    assert served.context.span_id == created.parent.span_id
    assert created.context.span_id == first.parent.span_id
    assert [created.context.span_id] == [link.context.span_id for link in first.links]
    assert ("process events.sample.happened", "CONSUMER", "UNSET") == (
        first.name,
        first.kind.name,
        first.status.status_code.name,
    )
    assert {
        "messaging.system": "nats",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "events.sample.happened",
        "messaging.message.id": events[0].id,
        "mesh.request_id": "r1",
    } == dict(first.attributes or {})
    assert [("exception", "ZeroDivisionError")] == [
        (event.name, (event.attributes or {})["exception.type"]) for event in second.events
    ]
    assert "in handle" in second.to_json()
    assert "event 2" not in second.to_json()
    assert ("ERROR", "internal") == (second.status.status_code.name, (second.attributes or {})["error.type"])


async def test_the_relay_sends_an_event_within_the_trace_that_created_it() -> None:
    spans = Spans()
    relay = Relay(Session(MemoryStore()), MemoryTransport(StreamBroker(), "sample"))
    relay.tracer = spans.tracer("relay")
    request = spans.tracer("publisher").in_worker(Context("r1", 0.0, trace={"traceparent": SAMPLED}), "sample.do")
    with working_on(request):
        traced = entry(1)
    sent = await relay.publish_in_order([traced, entry(2)])

    assert 2 == len(sent)
    created, relayed = spans.all()
    assert created.context
    assert relayed.parent
    assert ("send events.sample.happened", "CLIENT") == (relayed.name, relayed.kind.name)
    assert (created.context.trace_id, created.context.span_id) == (relayed.parent.trace_id, relayed.parent.span_id)
