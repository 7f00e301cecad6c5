"""Tracing as a process begins and ends it: switched off, set up, and with a collector that does not answer."""

import logging
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from structlog.testing import capture_logs

from mesh.core import context
from mesh.process.run import StartError, tracing
from mesh.telemetry.tracing import exporting


def test_without_tracing_nothing_of_it_is_imported() -> None:
    code = "import sys, gateway.server, products_svc.app; sys.exit('opentelemetry.sdk' in sys.modules)"
    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode
    with tracing("gateway") as tracer:
        assert None is tracer


def test_a_variable_that_makes_no_sense_is_said_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACE_RATIO", "1")
    for name, value in (("OTEL_BSP_MAX_QUEUE_SIZE", "1"), ("TRACE_RATIO", "2")):
        monkeypatch.setenv(name, value)
        with pytest.raises(StartError, match=r"TRACE_RATIO|max_queue_size"):
            tracing("gateway")


def test_a_collector_that_is_slow_or_away_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, capture_logs() as logs:
        port = silent.getsockname()[1]
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "4")
        monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4")
        tracer = exporting("gateway", 1.0)
        began = time.monotonic()
        for _ in range(100):
            one = tracer.at_edge(context.Context("r1", 0.0)).span
            assert one
            one.answered("GET", None, 200)
        logging.getLogger("opentelemetry.exporter").warning("and something else")
        tracer.close()
        assert time.monotonic() - began < 6  # the exporter alone would take ten seconds for its first try
    assert ["collector_disturbed"] == [line["event"] for line in logs]
    logging.getLogger("opentelemetry").handlers = [logging.NullHandler()]
    collect_the_rest(port)


class Collector(BaseHTTPRequestHandler):
    """Accepts every export."""

    def do_POST(self) -> None:
        self.send_response(200)
        self.end_headers()


def collect_the_rest(port: int) -> None:
    """Take what the exporter still sends: its retries draw random numbers, which would disturb other tests."""
    with HTTPServer(("127.0.0.1", port), Collector) as server:
        server.timeout = 0.1
        while any(thread.name.startswith("OtelBatch") for thread in threading.enumerate()):
            server.handle_request()
