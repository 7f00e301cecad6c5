"""Requests that no draw chose, and that are traced when they end: those that fail, and slow ones."""

import pytest
from httpx2 import ASGITransport, AsyncClient
from structlog.testing import capture_logs

from gateway.app import build
from gateway.settings import GatewaySettings
from mesh.core.errors import Internal, NotFound
from mesh.telemetry.attributes import LATE, REQUEST_ID
from mesh.telemetry.logs import request_id
from mesh.telemetry.tracing import Limits
from mesh.transport.memory import MemoryTransport
from subjects import PRODUCTS_GET
from tests.support.gateway.world import World
from tests.support.mesh.spans import Spans

TRACE = "0af7651916cd43dd8448eb211c80319c"
NEVER = 1e-12
"""A ratio by which no request of a test is drawn."""
NOBODY_IS_SLOW = Limits(0, 3600.0)


def gateway(world: World, spans: Spans, limits: Limits, ratio: float = NEVER) -> AsyncClient:
    tracer = spans.tracer("gateway", ratio, limits)
    app = build(GatewaySettings(), MemoryTransport(world.broker, "gateway"), tracer)
    return AsyncClient(transport=ASGITransport(app), base_url="http://gateway.test")


async def test_a_request_that_fails_is_traced_from_its_start_and_its_log_line_names_the_trace(world: World) -> None:
    spans = Spans()
    world.fails[PRODUCTS_GET] = Internal()
    headers = {"X-Request-Id": "r1", "traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    async with gateway(world, spans, NOBODY_IS_SLOW) as http:
        with capture_logs(processors=[request_id]) as logs:
            assert 502 == (await http.get("/v1/products/1", headers=headers)).status_code
    (span,) = spans.all()
    about = dict(span.attributes or {})
    assert ("GET /v1/products/{product_id}", "502", True, "r1") == (
        span.name,
        about["error.type"],
        about[LATE],
        about[REQUEST_ID],
    )
    assert span.start_time is not None
    assert span.end_time is not None
    line = next(line for line in logs if line["event"] == "request" and "path" in line)
    assert TRACE == line["trace_id"]
    assert pytest.approx((span.end_time - span.start_time) / 1e6, abs=50) == line["ms"]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (NOBODY_IS_SLOW, []),
        (Limits(0, 1e-9), ["GET /v1/products/{product_id}"]),
        (Limits(), []),
    ],
)
async def test_a_request_that_succeeds_is_traced_late_only_if_it_was_slow(
    world: World, limits: Limits, expected: list[str]
) -> None:
    spans = Spans()
    async with gateway(world, spans, limits) as http:
        assert 200 == (await http.get("/v1/products/1")).status_code
    assert expected == [span.name for span in spans.all()]


async def test_an_answer_below_500_is_no_failure_and_without_the_setting_nothing_is_late(world: World) -> None:
    spans = Spans()
    async with gateway(world, spans, NOBODY_IS_SLOW) as http:
        world.fails[PRODUCTS_GET] = NotFound("product_not_found", "no")
        assert 404 == (await http.get("/v1/products/1")).status_code
    async with gateway(world, spans, Limits()) as http:
        world.fails[PRODUCTS_GET] = Internal()
        assert 502 == (await http.get("/v1/products/1")).status_code
    assert () == spans.all()


async def test_a_flood_of_failures_makes_as_many_late_spans_as_the_limit_allows(world: World) -> None:
    spans = Spans()
    world.fails[PRODUCTS_GET] = Internal()
    async with gateway(world, spans, Limits(1, 3600.0)) as http:
        for _ in range(40):
            await http.get("/v1/products/1")
    assert 10 <= len(spans.all()) < 40  # ten at once, and one each second that the loop takes


async def test_a_probe_is_traced_only_if_it_fails(world: World) -> None:
    spans = Spans()
    async with gateway(world, spans, NOBODY_IS_SLOW, ratio=1.0) as http:
        assert 200 == (await http.get("/healthz")).status_code
        assert () == spans.all()
        await world.stop("products")
        assert 503 == (await http.get("/readyz")).status_code
    assert ["GET /readyz"] == [span.name for span in spans.all()]
