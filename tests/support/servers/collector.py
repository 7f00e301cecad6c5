"""A collector that takes traces and logs by OTLP over HTTP, as protobuf, and keeps them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Received(NamedTuple):
    """A span, with the service and the instance that sent it."""

    service: str
    instance: str
    span: Span

    @property
    def kind(self) -> str:
        return str(Span.SpanKind.Name(self.span.kind)).removeprefix("SPAN_KIND_").lower()

    @property
    def about(self) -> dict[str, str]:
        """Its attributes."""
        return texts(self.span.attributes)


class ReceivedLine(NamedTuple):
    """A log line, with the service and the instance that sent it."""

    service: str
    instance: str
    line: LogRecord


class Collector(ThreadingHTTPServer):
    """POST /v1/traces and /v1/logs."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Export)
        self.spans: list[Received] = []
        self.lines: list[ReceivedLine] = []
        self.bodies = bytearray()
        """All that it was ever sent."""

    @property
    def environment(self) -> dict[str, str]:
        """What makes a process send its traces and logs here."""
        return {
            "TRACE_RATIO": "1",
            "LOG_FORMAT": "otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.server_port}",
        }

    def take(self, path: str, body: bytes) -> None:
        self.bodies += body
        if path == "/v1/traces":
            for group in ExportTraceServiceRequest.FromString(body).resource_spans:
                place = _place(texts(group.resource.attributes))
                self.spans += [Received(*place, span) for scope in group.scope_spans for span in scope.spans]
        else:
            assert "/v1/logs" == path
            for sent in ExportLogsServiceRequest.FromString(body).resource_logs:
                place = _place(texts(sent.resource.attributes))
                self.lines += [ReceivedLine(*place, line) for scope in sent.scope_logs for line in scope.log_records]


class _Export(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        self.server.take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as its base names it
        pass


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that listens on a free port."""
    with Collector() as collector:
        thread = threading.Thread(target=collector.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield collector
        finally:
            collector.shutdown()
            thread.join()


def texts(pairs: Any) -> dict[str, str]:  # noqa: ANN401  # protobuf's list
    """Attributes as texts."""
    return {pair.key: _text(pair) for pair in pairs}


def _text(pair: KeyValue) -> str:
    return str(getattr(pair.value, str(pair.value.WhichOneof("value"))))


def _place(about: dict[str, str]) -> tuple[str, str]:
    return about["service.name"], about["service.instance.id"]
