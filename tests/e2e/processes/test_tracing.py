"""What reaches a collector of a request through a gateway and a worker that run as processes."""

import signal
from collections.abc import Iterator

import pytest
from httpx2 import AsyncClient

from devstack.servers.all import Servers
from tests.support.servers.collector import Collector, collecting
from tests.support.servers.processes import gateway_on, products_on


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


async def test_a_request_is_one_trace_and_its_last_spans_leave_when_the_processes_end(
    collector: Collector, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with Servers(tmp_path_factory.mktemp("tracing"), only={"nats", "postgres"}) as servers:
        processes = gateway, products = (
            gateway_on(servers, **collector.environment),
            products_on(servers, **collector.environment),
        )
        for process in processes:
            await process.start()
        await products.said("service_started")
        port = (await gateway.said("gateway_started"))["port"]
        async with AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
            assert 200 == (await http.get("/v1/products/1")).status_code
        trace_ids = {(await process.said("request"))["trace_id"] for process in processes}
        assert [0, 0] == [await process.end(signal.SIGTERM) for process in processes]
    spans = {f"{one.service} {one.kind}": one.span for one in collector.spans}
    server, call, worker = (spans[name] for name in ("gateway server", "gateway client", "products server"))
    assert trace_ids == {span.trace_id.hex() for span in (server, call, worker)}
    assert (b"", server.span_id, call.span_id) == (server.parent_span_id, call.parent_span_id, worker.parent_span_id)
    assert "GET /v1/products/{product_id}" == server.name
    assert server.start_time_unix_nano <= call.start_time_unix_nano <= worker.start_time_unix_nano
    assert worker.end_time_unix_nano <= server.end_time_unix_nano
    lines = {one.line.body.string_value for one in collector.lines if one.line.trace_id == server.trace_id}
    assert "request" in lines
    assert {"gateway", "products"} == {one.service for one in collector.lines}
