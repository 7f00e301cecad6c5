import gzip

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from console.sources.otlp import MAX_BODY, Unreadable, read_lines, read_spans, unpacked
from console.sources.traces import Traces
from mesh.telemetry.attributes import REQUEST_ID

ROOT, CHILD = b"\x01" * 8, b"\x02" * 8


def exported(trace_id: bytes, *, failed: bool = False) -> bytes:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    service = group.resource.attributes.add()
    service.key, service.value.string_value = "service.name", "gateway"
    for number, (span_id, parent) in enumerate([(CHILD, ROOT), (ROOT, b"")]):
        span = group.scope_spans.add().spans.add()
        span.trace_id, span.span_id, span.parent_span_id = trace_id, span_id, parent
        span.name, span.kind = f"step {number}\x1b[2J", 2
        span.start_time_unix_nano, span.end_time_unix_nano = 10**18, 10**18 + 5_000_000
        attribute = span.attributes.add()
        attribute.key, attribute.value.string_value = REQUEST_ID, trace_id.hex()[:8]
        span.status.code = 2 if failed else 0
    return bytes(request.SerializeToString())


def test_spans_of_a_request_become_a_trace_that_both_ids_find() -> None:
    traces = Traces(100)
    traces.add(read_spans(exported(b"\x07" * 16, failed=True)))
    trace = traces.find("07" * 16)
    assert trace is not None
    assert trace is traces.find("07" * 4)
    assert trace.root.span_id == ROOT.hex()
    assert {"services": ["gateway"], "failed": True, "ms": 5.0, "spans": 2}.items() <= trace.summary().items()
    assert "\x1b" not in trace.root.name


def test_the_oldest_traces_are_forgotten() -> None:
    traces = Traces(10)
    for number in range(20):
        traces.add(read_spans(exported(bytes([number + 1]) * 16)))
    assert 5 == len(traces)
    assert traces.find("01" * 16) is None
    assert traces.find("01" * 4) is None
    assert traces.find("14" * 16) is not None


@pytest.mark.parametrize("body", [b"nonsense", b"\xff" * 100, b"\x0a\x05abc"])
def test_what_is_no_otlp_is_refused(body: bytes) -> None:
    for read in (read_spans, read_lines):
        with pytest.raises(Unreadable):
            read(body)


def test_a_log_record_becomes_a_line() -> None:
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add()
    record.body.string_value, record.severity_text, record.time_unix_nano = "started", "WARN", 2 * 10**9
    line = read_lines(request.SerializeToString())[0]
    assert ("started", "unknown", 2.0) == (line.event, line.service, line.at)


def test_a_body_that_grows_too_large_is_refused() -> None:
    assert b"text" == unpacked(gzip.compress(b"text"), "gzip")
    for body, encoding in ((gzip.compress(bytes(MAX_BODY + 1)), "gzip"), (b"text", "gzip"), (b"text", "br")):
        with pytest.raises(Unreadable):
            unpacked(body, encoding)
