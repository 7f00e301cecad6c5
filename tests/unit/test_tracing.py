"""Which requests are traced, and what a trace tells: gateway, call and worker, on a mesh in memory."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from httpx2 import ASGITransport, AsyncClient
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import format_span_id, format_trace_id
from structlog.testing import capture_logs

from gateway.app import build
from gateway.settings import GatewaySettings
from mesh.client.client import Client
from mesh.core import context
from mesh.core.endpoint import Access, Endpoint
from mesh.core.errors import Internal, NotFound, Unavailable
from mesh.telemetry.logs import request_id
from mesh.telemetry.tracing import Tracer
from mesh.transport.base import Message
from mesh.transport.memory import MemoryBroker, MemoryTransport
from subjects import CUSTOMERS_GET, PRODUCTS_GET
from tests.support.gateway.tokens import bearer
from tests.support.gateway.world import World
from tests.support.mesh.sample_service import Gate, Said, Say, sample
from tests.support.mesh.spans import Spans
from tests.support.waiting import until

TRACE = "0af7651916cd43dd8448eb211c80319c"
SAMPLED = f"00-{TRACE}-b7ad6b7169203331-01"
NOT_SAMPLED = f"00-{TRACE}-b7ad6b7169203331-00"


@pytest.fixture
def spans() -> Spans:
    return Spans()


@pytest.fixture
async def world(spans: Spans) -> AsyncIterator[World]:
    """A mesh whose workers trace what their callers trace."""
    made = World()
    await made.start(spans.tracer("worker"))
    yield made
    await made.stop()


def gateway(world: World, tracer: Tracer | None) -> AsyncClient:
    app = build(GatewaySettings(), MemoryTransport(world.broker, "gateway"), tracer)
    return AsyncClient(transport=ASGITransport(app), base_url="http://gateway.test")


def ids(span: ReadableSpan) -> tuple[str, str, str | None]:
    """Of the trace, the span and its parent."""
    assert span.context
    parent = format_span_id(span.parent.span_id) if span.parent else None
    return format_trace_id(span.context.trace_id), format_span_id(span.context.span_id), parent


def told(span: ReadableSpan) -> tuple[str, str, dict[str, object]]:
    """Its name, its status and its attributes."""
    return span.name, span.status.status_code.name, dict(span.attributes or {})


async def test_a_trace_leads_from_the_gateway_by_its_call_to_the_worker(world: World, spans: Spans) -> None:
    async with gateway(world, spans.tracer("gateway")) as http:
        await http.get("/v1/products/1", headers={"X-Request-Id": "r1"})
    ended = spans.ended()
    assert 3 == len(spans.all())
    trace, first, above = ids(ended["gateway server"])
    _, second, _ = ids(ended["gateway client"])
    _, third, _ = ids(ended["worker server"])
    assert None is above
    assert (trace, second, first) == ids(ended["gateway client"])
    assert (trace, third, second) == ids(ended["worker server"])
    http_route = {"http.request.method": "GET", "http.route": "/v1/products/{product_id}"}
    rpc = {"rpc.system.name": "nats", "rpc.method": "products.get", "rpc.response.status_code": "ok"}
    request = {"mesh.request_id": "r1"}
    assert (
        "GET /v1/products/{product_id}",
        "UNSET",
        {**http_route, "http.response.status_code": 200, **request},
    ) == told(ended["gateway server"])
    assert ("products.get", "UNSET", {**rpc, **request, "service.peer.name": "products"}) == told(
        ended["gateway client"]
    )
    assert ("products.get", "UNSET", {**rpc, **request}) == told(ended["worker server"])


async def test_a_clients_trace_goes_on_with_what_else_it_said(world: World, spans: Spans) -> None:
    seen: list[Message] = []
    await MemoryTransport(world.broker).subscribe("products.get", seen.append)
    headers = {"traceparent": NOT_SAMPLED, "tracestate": "a=1", "baggage": "b=2"}
    async with gateway(world, spans.tracer("gateway")) as http:
        await http.get("/v1/products/1", headers=headers)
    ended = spans.ended()
    assert (TRACE, "b7ad6b7169203331") == ids(ended["gateway server"])[::2]
    sent = {name: value for name, value in seen[0].headers.items() if name in headers}
    assert {"tracestate": "a=1", "baggage": "b=2"} == {name: sent[name] for name in ("tracestate", "baggage")}
    assert [TRACE, ids(ended["gateway client"])[1]] == sent["traceparent"].split("-")[1:3]


@pytest.mark.parametrize("header", ["00-1-2-01", "x" * 200, f"ff-{TRACE}-b7ad6b7169203331-01", "é"])
async def test_a_traceparent_that_is_none_begins_no_trace_and_breaks_none(
    world: World, spans: Spans, header: str
) -> None:
    async with gateway(world, spans.tracer("gateway")) as http:
        sent = [(b"traceparent", header.encode()), (b"tracestate", b"?")]
        assert 200 == (await http.get("/v1/products/1", headers=sent)).status_code
    trace, _, above = ids(spans.ended()["gateway server"])
    assert (None, True) == (above, trace != TRACE)
    assert trace == ids(spans.ended()["worker server"])[0]


async def test_no_client_decides_that_it_is_traced(world: World, spans: Spans) -> None:
    seen: list[Message] = []
    await MemoryTransport(world.broker).subscribe("products.get", seen.append)
    async with gateway(world, spans.tracer("gateway", ratio=1e-12)) as http:
        # Nor does the trace id: this one would be sampled by any ratio.
        low = f"00-{'0' * 31}1-b7ad6b7169203331-01"
        for traceparent in (SAMPLED, low, f"cc-{TRACE}-b7ad6b7169203331-03-more"):
            await http.get("/v1/products/1", headers={"traceparent": traceparent, "tracestate": "a=1"})
        await http.get("/v1/products/1")
    assert {} == spans.ended()
    assert [
        {"traceparent": NOT_SAMPLED, "tracestate": "a=1"},
        {"traceparent": low[:-1] + "0", "tracestate": "a=1"},
        {"traceparent": "cc" + NOT_SAMPLED[2:], "tracestate": "a=1"},
        {},
    ] == [{name: value for name, value in one.headers.items() if name.startswith("trace")} for one in seen]


async def test_so_many_are_traced_as_the_ratio_says(world: World, spans: Spans) -> None:
    tracer = spans.tracer("gateway", ratio=0.3)
    made = [tracer.at_edge(context.Context("r1", 0.0)) for _ in range(2000)]
    assert 450 < sum(one.span is not None for one in made) < 750  # 600, by more than seven standard deviations


async def test_where_the_gateway_does_not_trace_headers_pass_as_they_came(world: World, spans: Spans) -> None:
    async with gateway(world, None) as http:
        await http.get("/v1/products/1")
        assert {} == spans.ended()
        await http.get("/v1/products/1", headers={"traceparent": SAMPLED})
    assert ["worker server"] == list(spans.ended())


@pytest.mark.parametrize("traceparent", [None, NOT_SAMPLED, "x", f"00-{TRACE}-b7ad6b7169203331-0g"])
async def test_a_worker_traces_only_what_its_caller_traces(world: World, spans: Spans, traceparent: str | None) -> None:
    headers = {"traceparent": traceparent} if traceparent else {}
    await MemoryTransport(world.broker).request("products.get", b'{"product_id":1}', headers, 5)
    assert {} == spans.ended()


@pytest.mark.parametrize(
    ("fault", "status", "code", "reason", "failed"),
    [
        (NotFound("product_not_found", "nancy@northwind.example asked"), 404, "not_found", "product_not_found", False),
        (
            Unavailable("database_unavailable", "nancy@northwind.example asked"),
            *(503, "overloaded", "database_unavailable", True),
        ),
        (Internal(), 502, "internal", "internal", True),
    ],
)
async def test_an_error_marks_the_spans_of_those_who_failed(
    world: World, spans: Spans, fault: Exception, status: int, code: str, *, reason: str, failed: bool
) -> None:
    world.fails[PRODUCTS_GET] = fault
    async with gateway(world, spans.tracer("gateway")) as http:
        await http.get("/v1/products/1")
    ended = spans.ended()
    expected = {
        "gateway server": (failed, str(status)),
        "gateway client": (True, reason),
        "worker server": (failed, reason),
    }
    assert {name: (is_error, error if is_error else None) for name, (is_error, error) in expected.items()} == {
        name: (span.status.status_code.name == "ERROR", (span.attributes or {}).get("error.type"))
        for name, span in ended.items()
    }
    assert code == (ended["worker server"].attributes or {})["rpc.response.status_code"]
    assert "nancy" not in "".join(span.to_json() for span in spans.all())


async def test_a_call_that_is_tried_again_is_one_span_and_each_try_one_at_the_worker(
    world: World, spans: Spans
) -> None:
    world.fails[PRODUCTS_GET] = Unavailable("database_unavailable", "the database is away")
    async with gateway(world, spans.tracer("gateway")) as http:
        await http.get("/v1/products/1")
    *tries, call, _ = spans.all()
    assert len(tries) > 1
    assert {ids(call)[1]} == {ids(one)[2] for one in tries}


async def test_without_a_worker_the_call_failed_and_the_span_says_how(world: World, spans: Spans) -> None:
    await world.stop("products")
    async with gateway(world, spans.tracer("gateway")) as http:
        assert 503 == (await http.get("/v1/products/1")).status_code
    _, status, attributes = told(spans.ended()["gateway client"])
    assert ("ERROR", "NoResponder", False) == (
        status,
        attributes["error.type"],
        "rpc.response.status_code" in attributes,
    )
    assert "503" == (spans.ended()["gateway server"].attributes or {})["error.type"]


async def test_paths_and_methods_from_outside_make_no_names(world: World, spans: Spans) -> None:
    async with gateway(world, spans.tracer("gateway")) as http:
        await http.request("STEAL", "/v1/nancy@northwind.example?token=eyJ")
    name, status, attributes = told(spans.ended()["gateway server"])
    # It is answered with 501, and what begins with 5 is an error of the server's span.
    assert ("HTTP", "ERROR", "_OTHER") == (name, status, attributes["http.request.method"])
    assert not {"nancy", "eyJ", "STEAL"} & set(spans.ended()["gateway server"].to_json().replace('"', " ").split())


async def test_a_trace_holds_no_token(world: World, spans: Spans) -> None:
    async with gateway(world, spans.tracer("gateway")) as http:
        user = bearer("USER")
        assert 200 == (await http.get("/v1/customers/ALFKI", headers=user)).status_code
    exported = "".join(span.to_json() for span in spans.all())
    assert CUSTOMERS_GET.subject in exported
    assert user["Authorization"].removeprefix("Bearer ") not in exported
    assert "ALFKI" not in exported


async def test_nested_calls_belong_to_the_workers_span(spans: Spans) -> None:
    broker = MemoryBroker()
    nobody = Endpoint("below.ask", Say, Said, Access.ANYONE)

    async def ask(request: Say) -> Said:
        return await Client(MemoryTransport(broker)).call(nobody, request)

    worker = sample(MemoryTransport(broker), ask)
    worker.tracer = spans.tracer("worker")
    await worker.start()
    # A verified endpoint: its handler works with a context that knows the caller.
    headers = {"traceparent": SAMPLED, "Authorization": "Bearer alice"}
    await MemoryTransport(broker).request("sample.whisper", b"{}", headers, 5)
    ended = spans.ended()
    assert (TRACE, "below.ask") == (ids(ended["worker client"])[0], ended["worker client"].name)
    assert ids(ended["worker server"])[1] == ids(ended["worker client"])[2]
    assert "dependency_unavailable" == (ended["worker server"].attributes or {})["error.type"]


async def test_who_is_refused_at_once_is_in_the_trace_too(spans: Spans) -> None:
    broker, gate = MemoryBroker(), Gate()
    worker = sample(MemoryTransport(broker), gate, concurrency=1, queue_size=0)
    worker.tracer = spans.tracer("worker")
    await worker.start()
    caller = MemoryTransport(broker)
    await caller.publish("sample.say", b"{}", reply="_INBOX_caller.1")
    await caller.request("sample.say", b"{}", {"traceparent": SAMPLED}, 5)
    assert "queue_full" == (spans.ended()["worker server"].attributes or {})["error.type"]
    gate.open.set()
    await worker.drain()


async def test_log_lines_of_a_traced_request_bear_its_trace_id(world: World, spans: Spans) -> None:
    async with gateway(world, spans.tracer("gateway")) as traced, gateway(world, None) as untraced:
        with capture_logs(processors=[request_id]) as logs:
            await traced.get("/v1/products/1", headers={"traceparent": SAMPLED})
            await untraced.get("/v1/products/1")
    lines = [line.get("trace_id") for line in logs if line["event"] == "request"]
    assert [TRACE, TRACE, None, None] == lines


async def test_a_wait_for_a_handler_and_a_bug_are_in_the_trace(spans: Spans) -> None:
    broker, gate = MemoryBroker(), Gate()

    async def fail(request: Say) -> Said:
        await gate(request)
        raise ZeroDivisionError(request.text)

    worker = sample(MemoryTransport(broker), fail, concurrency=1)
    worker.tracer = spans.tracer("worker")
    await worker.start()
    caller = MemoryTransport(broker)
    await caller.publish("sample.say", b"{}", reply="_INBOX_caller.1")
    asked = caller.request("sample.say", b'{"text":"nancy"}', {"traceparent": SAMPLED}, 5)
    waiting = asyncio.create_task(asked)
    await until(lambda: worker.queued == 1)
    gate.open.set()
    await waiting
    wait, served = spans.all()
    assert ("wait for a handler", ids(served)[1]) == (wait.name, ids(wait)[2])
    assert wait.start_time is not None
    assert served.start_time is not None
    assert abs(wait.start_time - served.start_time) < 50_000_000
    (event,) = served.events
    assert ("exception", "ZeroDivisionError") == (event.name, (event.attributes or {})["exception.type"])
    assert "nancy" not in served.to_json()
    await worker.drain()
