"""Reads OTLP (OpenTelemetry's protocol, protobuf over HTTP): spans and log records."""

import gzip
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from console.sources.logs import Line
from console.sources.traces import Span, Value
from mesh.core.terminal import escaped

MAX_BODY: Final = 8 * 1024 * 1024
"""Bytes, unpacked."""
_LONGEST: Final = 2000
"""Characters of a text. A longer one is cut."""
_MOST: Final = 64
"""Attributes of one span or line, and events and links of one span."""
_KINDS: Final = ("", "internal", "server", "client", "producer", "consumer")
_ERROR: Final = 2


Request = TypeVar("Request", ExportTraceServiceRequest, ExportLogsServiceRequest)


class Unreadable(ValueError):
    """The body is no OTLP message, or too large."""


def unpacked(body: bytes, encoding: str) -> bytes:
    """The body without its compression. Raises Unreadable, also if it would grow beyond MAX_BODY."""
    if encoding not in ("", "identity", "gzip"):
        raise Unreadable(f"unknown encoding {encoding[:20]}")
    if encoding == "gzip":
        try:
            with gzip.open(io.BytesIO(body)) as file:
                body = file.read(MAX_BODY + 1)
        except (OSError, EOFError) as error:
            raise Unreadable("not gzip") from error
    if len(body) > MAX_BODY:
        raise Unreadable(f"more than {MAX_BODY} bytes")
    return body


def read_spans(body: bytes) -> list[Span]:
    """The spans of an ExportTraceServiceRequest. Raises Unreadable."""
    return [
        _span(one, attributes(group.resource.attributes))
        for group in _parsed(ExportTraceServiceRequest(), body).resource_spans
        for scope in group.scope_spans
        for one in scope.spans
    ]


def read_lines(body: bytes) -> list[Line]:
    """The lines of an ExportLogsServiceRequest. Raises Unreadable."""
    return [
        _line(one, attributes(group.resource.attributes))
        for group in _parsed(ExportLogsServiceRequest(), body).resource_logs
        for scope in group.scope_logs
        for one in scope.log_records
    ]


def _parsed(request: Request, body: bytes) -> Request:
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        raise Unreadable("no OTLP message of this kind") from error
    return request


def _span(one: Any, resource: Mapping[str, Value]) -> Span:  # noqa: ANN401  # protobuf has no type of its own
    about = attributes(one.attributes)
    return Span(
        trace_id=one.trace_id.hex(),
        span_id=one.span_id.hex(),
        parent_id=one.parent_span_id.hex(),
        name=_text(one.name),
        kind=_KINDS[one.kind] if 0 <= one.kind < len(_KINDS) else "",
        service=str(resource.get("service.name", "unknown")),
        instance=str(resource.get("service.instance.id", "")),
        start=one.start_time_unix_nano,
        end=max(one.end_time_unix_nano, one.start_time_unix_nano),
        error=str(about.get("error.type", "error")) if one.status.code == _ERROR else "",
        attributes=about,
        events=tuple(_events(one)),
        links=tuple(link.span_id.hex() for link in one.links[:_MOST]),
    )


def _events(one: Any) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401  # protobuf
    for event in one.events[:_MOST]:
        yield {
            "name": _text(event.name),
            "after_ms": max(0, event.time_unix_nano - one.start_time_unix_nano) / 1e6,
            "attributes": attributes(event.attributes),
        }


def _line(one: Any, resource: Mapping[str, Value]) -> Line:  # noqa: ANN401  # protobuf
    return Line(
        at=(one.time_unix_nano or one.observed_time_unix_nano) / 1e9,
        level=_text(one.severity_text).lower() or "info",
        service=str(resource.get("service.name", "unknown")),
        instance=str(resource.get("service.instance.id", "")),
        event=_text(str(value(one.body))),
        trace_id=one.trace_id.hex(),
        fields=attributes(one.attributes),
    )


def attributes(pairs: Sequence[KeyValue]) -> dict[str, Value]:
    """The attributes as a mapping: the first 64, long texts cut."""
    return {_text(pair.key)[:200]: value(pair.value) for pair in pairs[:_MOST]}


def value(any_value: AnyValue) -> Value:
    """A value as text or number. Lists and maps become text."""
    kind = any_value.WhichOneof("value")
    if kind is None:
        return ""
    found = getattr(any_value, kind)
    if isinstance(found, bool | int | float):
        return found
    return _text(found if isinstance(found, str) else str(found))


def _text(text: str) -> str:
    return escaped(text[:_LONGEST], keep="\n\t")
