"""What reaches a collector of a request through a gateway and a worker that run as processes."""

import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from httpx2 import AsyncClient
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from devstack.servers.all import Servers
from tests.support.servers.processes import gateway_on, products_on


class Collector(ThreadingHTTPServer):
    """Takes spans as OTLP has them: POST /v1/traces, protobuf."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Export)
        self.spans: dict[str, Span] = {}
        """By the service and the kind."""

    def take(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            (service,) = (one.value.string_value for one in resource.resource.attributes if one.key == "service.name")
            for scope in resource.scope_spans:
                for span in scope.spans:
                    kind = Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower()
                    self.spans[f"{service} {kind}"] = span


class _Export(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        assert "/v1/traces" == self.path
        self.server.take(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as its base names it
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        thread = threading.Thread(target=collector.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield collector
        collector.shutdown()
        thread.join()


async def test_a_request_is_one_trace_and_its_last_spans_leave_when_the_processes_end(
    collector: Collector, tmp_path_factory: pytest.TempPathFactory
) -> None:
    traced = {"TRACE_RATIO": "1", "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}"}
    async with Servers(tmp_path_factory.mktemp("tracing"), only={"nats", "postgres"}) as servers:
        processes = gateway, products = gateway_on(servers, **traced), products_on(servers, **traced)
        for process in processes:
            await process.start()
        await products.said("service_started")
        port = (await gateway.said("gateway_started"))["port"]
        async with AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
            assert 200 == (await http.get("/v1/products/1")).status_code
        trace_ids = {(await process.said("request"))["trace_id"] for process in processes}
        assert [0, 0] == [await process.end(signal.SIGTERM) for process in processes]
    server, call, worker = (collector.spans[name] for name in ("gateway server", "gateway client", "products server"))
    assert trace_ids == {span.trace_id.hex() for span in (server, call, worker)}
    assert (b"", server.span_id, call.span_id) == (server.parent_span_id, call.parent_span_id, worker.parent_span_id)
    assert "GET /v1/products/{product_id}" == server.name
    assert server.start_time_unix_nano <= call.start_time_unix_nano <= worker.start_time_unix_nano
    assert worker.end_time_unix_nano <= server.end_time_unix_nano
