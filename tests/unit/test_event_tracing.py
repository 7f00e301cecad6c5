"""The trace of an event: from the request that causes it to its handler."""

import asyncio

from opentelemetry.trace import format_span_id

from mesh.core.context import Context, working_on
from mesh.events.consumer import EventConsumer, Handler
from mesh.events.jetstream import publish
from mesh.events.retries import Retries
from mesh.transport.memory import MemoryTransport
from tests.memory_streams import StreamBroker
from tests.sample_events import HAPPENED, Happened, entry
from tests.unit.test_tracing import Spans

SAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def handle(_: object, event: Happened) -> None:
    """Fail for the second event."""
    if event.number == 2:
        raise ZeroDivisionError


async def test_a_handlers_span_is_a_child_of_the_request_that_caused_the_event() -> None:
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

    first, second, served = spans.all()
    assert served.context
    assert first.parent
    assert format_span_id(served.context.span_id) == format_span_id(first.parent.span_id)
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
    assert ("ERROR", "internal") == (second.status.status_code.name, (second.attributes or {})["error.type"])
