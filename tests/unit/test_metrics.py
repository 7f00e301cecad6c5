"""What the gateway and the workers measure of requests, on a mesh in memory."""

import asyncio

import pytest
from httpx2 import ASGITransport, AsyncClient

from gateway.app import build
from gateway.settings import GatewaySettings
from mesh.client.client import Client
from mesh.core.errors import NotFound, Overloaded, RemoteFault
from mesh.events.metrics import measure_relay
from mesh.events.relay import Relay
from mesh.process.metrics import measure_worker
from mesh.telemetry import catalogue
from mesh.telemetry.metrics import Counts, Metric, Metrics
from mesh.transport.memory import MemoryBroker, MemoryTransport
from subjects import PRODUCTS_GET
from tests.support.events.memory_stores import MemoryStore, Session
from tests.support.events.sample_events import entry
from tests.support.gateway.world import World
from tests.support.mesh.sample_service import SAY, Gate, Say, sample
from tests.support.mesh.spans import Spans
from tests.support.waiting import until

PRODUCT = "/v1/products/{product_id}"


def gateway(world: World, metrics: Metrics, spans: Spans | None = None) -> AsyncClient:
    tracer = None if spans is None else spans.tracer("gateway")
    app = build(GatewaySettings(), MemoryTransport(world.broker, "gateway"), tracer, metrics=metrics)
    return AsyncClient(transport=ASGITransport(app), base_url="http://gateway.test")


def read(metrics: Metrics, metric: Metric) -> dict[tuple[str, ...], float]:
    """The values of a metric by their labels; of a histogram, how many durations it counted."""
    return {
        one.labels: sum(one.value.buckets) if isinstance(one.value, Counts) else one.value
        for one in metrics.read()
        if one.metric == metric
    }


async def test_requests_count_by_the_routes_template_and_strangers_paths_as_one(world: World) -> None:
    metrics = Metrics()
    world.fails[PRODUCTS_GET] = NotFound("product_not_found", "there is none")
    async with gateway(world, metrics) as http:
        for key in (1, 2):
            await http.get(f"/v1/products/{key}")
        await http.get("/v1/customers/ALFKI")
        for path in ("/nothing", "/nothing/else", "/metrics"):
            assert 404 == (await http.get(path)).status_code
        await http.request("BREW", "/coffee")
    assert {
        ("GET", PRODUCT, "404"): 2,
        ("GET", "/v1/customers/{customer_id}", "401"): 1,
        ("GET", "unknown", "404"): 3,
        ("_OTHER", "unknown", "501"): 1,
    } == read(metrics, catalogue.HTTP_DURATION)
    assert {(): 0} == read(metrics, catalogue.HTTP_ACTIVE)


async def test_a_traced_request_leaves_its_trace_in_the_histogram(world: World) -> None:
    metrics, spans = Metrics(), Spans()
    async with gateway(world, metrics, spans) as http:
        await http.get("/v1/products")
    (sample,) = [one for one in metrics.read() if one.metric == catalogue.HTTP_DURATION]
    assert isinstance(sample.value, Counts)
    (exemplar,) = sample.value.exemplars.values()
    assert {exemplar.trace_id} == {f"{span.context.trace_id:032x}" for span in spans.all() if span.context}


async def test_the_gateway_shows_the_limits_of_its_calls(world: World) -> None:
    metrics = Metrics()
    async with gateway(world, metrics) as http:
        await http.get("/v1/products")
    settings = GatewaySettings()
    assert settings.gateway_limit_initial == read(metrics, catalogue.CALLS_LIMIT)["products",]
    assert 0 == read(metrics, catalogue.CALLS_IN_FLIGHT)["products",]
    assert 0 == read(metrics, catalogue.CIRCUIT_OPEN)["products",]
    assert {("products",): 0} == read(metrics, catalogue.RETRIES)


async def test_a_worker_counts_what_it_answers_refuses_and_lets_wait() -> None:
    broker, gate, metrics = MemoryBroker(), Gate(), Metrics()
    transport = MemoryTransport(broker, "worker")
    service = sample(transport, gate, concurrency=2, queue_size=1)
    measure_worker(service, transport, metrics)
    assert {(): 0} == read(metrics, catalogue.READY)
    await service.start()
    client = Client(MemoryTransport(broker, "caller"))
    calls = [asyncio.ensure_future(client.call(SAY, Say())) for _ in range(3)]
    await until(lambda: service.queued == 1)
    with pytest.raises(Overloaded):
        await client.call(SAY, Say())
    known = (catalogue.READY, catalogue.HANDLERS, catalogue.HANDLERS_MOST, catalogue.QUEUE)
    assert [{(): 1}, {(): 2}, {(): 2}, {(): 1}] == [read(metrics, one) for one in known]
    assert read(metrics, catalogue.REFUSED)["queue_full",] >= 1
    gate.open.set()
    await asyncio.gather(*calls)
    with pytest.raises(RemoteFault):
        await client.call(SAY, Say.model_construct(times=0))
    await until(lambda: service.running == 0)
    assert {(SAY.subject, "ok"): 3, (SAY.subject, "invalid_argument"): 1} == read(metrics, catalogue.RPC_DURATION)
    assert {(): 1} == read(metrics, catalogue.QUEUE_WAIT)
    await service.pause("a test")
    assert {(): 0} == read(metrics, catalogue.READY)
    await service.resume()
    assert {(): 1} == read(metrics, catalogue.READY)
    await service.drain()
    assert {(): 0} == read(metrics, catalogue.READY)


async def test_the_backlog_of_the_outbox_is_read_while_nats_is_away() -> None:
    store, metrics = MemoryStore(), Metrics()
    session = Session(store)
    await session.write(entry(1))
    relay = Relay(session, MemoryTransport(MemoryBroker(), "away"))
    measure_relay(relay, metrics)
    assert {(): 0} == read(metrics, catalogue.OUTBOX_WAITING)
    await relay.start()
    await until(lambda: read(metrics, catalogue.OUTBOX_WAITING) == {(): 1})
    assert {(): 1} == read(metrics, catalogue.OUTBOX_AGE)
    await relay.drain()
