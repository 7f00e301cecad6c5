"""Log lines by OTLP: whole, without secrets, bounded, and never waited for."""

import json
import logging
from collections.abc import Iterator, Sequence
from threading import Event
from typing import Any

import pytest
import structlog
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from structlog.testing import capture_logs

from mesh.core.context import Context, working_on
from mesh.telemetry.logs import configure
from mesh.telemetry.otlp_logs import NOT_SENT, LogSender
from mesh.telemetry.settings import LogSettings
from tests.support.mesh.spans import Spans
from tests.support.servers.collector import Collector, collecting, texts


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(autouse=True)
def unconfigured() -> Iterator[None]:
    """Leave logging as it was."""
    handlers = logging.getLogger().handlers
    yield
    logging.getLogger().handlers = handlers
    structlog.reset_defaults()
    logging.getLogger("opentelemetry").handlers = [logging.NullHandler()]


class Stuck(LogRecordExporter):
    """A collector that takes nothing before it is let go."""

    def __init__(self) -> None:
        self.asked, self.free = Event(), Event()
        self.batches: list[list[Any]] = []

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        self.asked.set()
        self.free.wait(20)
        self.batches.append([one.log_record.body for one in batch])
        return LogRecordExportResult.FAILURE

    def shutdown(self) -> None:
        self.free.set()

    def force_flush(self, timeout_millis: int = 0) -> bool:
        return True


def test_a_line_arrives_whole_with_its_request_and_without_secrets(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, value in collector.environment.items():
        monkeypatch.setenv(name, value)
    writer = configure(LogSettings(), "orders", "0123456789abcdef")
    tracer = Spans().tracer("orders")
    with working_on(tracer.at_edge(Context("r1", 0.0))) as _:
        structlog.get_logger().info(
            "request", path="/grün\x1b]0;t\x07\ud800", ms=1.5, ok=True, password="hunter2", several=[1, "two"]
        )
        structlog.get_logger().error("failed", why="Bearer abcdefgh")
    writer.close()
    first, second = (one.line for one in collector.lines)
    shown = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert ["request", "failed"] == [first.body.string_value, second.body.string_value]
    assert ["info", "error"] == [first.severity_text, second.severity_text]
    assert {"request_id": "r1", "ms": "1.5", "ok": "True", "several": '[1,"two"]'}.items() <= texts(
        first.attributes
    ).items()
    assert "/grün\\u001b]0;t\\u0007\\ud800" == texts(first.attributes)["path"]
    assert {"orders"} == {one.service for one in collector.lines}
    assert [("orders", "0123456789abcdef", "r1", first.trace_id.hex())] * 2 == [
        (line["service"], line["instance"], line["request_id"], line["trace_id"]) for line in shown
    ]
    assert not [secret for secret in (b"hunter2", b"abcdefgh") if secret in collector.bodies]


def test_a_stuck_collector_holds_nobody_up_and_what_is_dropped_is_counted() -> None:
    exporter = Stuck()
    settings = LogSettings(log_send_waiting=4, log_send_batch=1, log_most_per_second=0)
    sender = LogSender("orders", settings, exporter)
    sender(None, "info", {"event": "0", "level": "info"})
    assert exporter.asked.wait(20)
    for number in range(1, 11):
        sender(None, "info", {"event": str(number), "level": "info"})
    assert {"queue_full": 6} == dict(sender.not_sent)
    exporter.free.set()
    sender.close()
    assert [["0"], ["7"], ["8"], ["9"], ["10"]] == exporter.batches
    assert {"queue_full": 6, "refused": 5} == dict(sender.not_sent)


def test_so_many_lines_a_second_are_sent_but_every_warning() -> None:
    exporter = Stuck()
    exporter.free.set()
    sender = LogSender("orders", LogSettings(log_most_per_second=2, log_send_every=0.001), exporter)
    for _ in range(1000):
        sender(None, "info", {"event": "often", "level": "info"})
    sender(None, "warning", {"event": "seldom", "level": "warning"})
    sender.close()
    sent = [one for batch in exporter.batches for one in batch]
    assert 1 == sent.count("seldom")
    assert 1000 == sent.count("often") + sender.not_sent["limit"]
    assert sent.count("often") <= 4  # the second may end in between


def test_the_lines_of_a_traced_request_are_sent_whatever_the_limit() -> None:
    exporter = Stuck()
    exporter.free.set()
    sender = LogSender("orders", LogSettings(log_most_per_second=1), exporter)
    for number in range(100):
        sender(None, "info", {"event": str(number), "level": "info", "trace_id": "a" * 32})
    sender.close()
    assert [*map(str, range(100))] == [one for batch in exporter.batches for one in batch]
    assert 0 == sender.not_sent["limit"]


def test_lines_that_come_together_are_one_batch_and_a_line_after_them_is_sent_too() -> None:
    exporter = Stuck()
    exporter.free.set()
    sender = LogSender("orders", LogSettings(log_send_every=0.2), exporter)
    for sent in (["0", "1", "2"], ["3"]):
        exporter.asked.clear()
        for event in sent:
            sender(None, "info", {"event": event, "level": "info"})
        assert exporter.asked.wait(20)
    sender.close()
    assert ["0", "1", "2", "3"] == [one for batch in exporter.batches for one in batch]
    assert len(exporter.batches) <= 3


def test_a_probe_that_succeeds_is_not_sent_and_one_that_fails_is() -> None:
    exporter = Stuck()
    exporter.free.set()
    sender = LogSender("gateway", LogSettings(), exporter)
    for event, path, status in (("well", "/readyz", 200), ("failed", "/readyz", 503), ("other", "/", 200)):
        sender(None, "info", {"event": event, "level": "info", "path": path, "status": status})
    sender.close()
    assert ["failed", "other"] == [one for batch in exporter.batches for one in batch]


def test_lines_over_the_limit_alone_are_no_warning() -> None:
    exporter = Stuck()
    exporter.free.set()
    sender = LogSender("gateway", LogSettings(log_most_per_second=1), exporter)
    told = []
    for reason in ("limit", "queue_full"):
        sender.not_sent[reason] += 1
        with capture_logs() as logs:
            sender.report()
        told += [(line["event"], line["log_level"]) for line in logs]
    sender.close()
    assert [(NOT_SENT, "info"), (NOT_SENT, "warning")] == told
