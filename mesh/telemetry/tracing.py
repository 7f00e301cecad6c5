"""Traces requests with OpenTelemetry: their processes, durations and outcomes (ADR 13).

Only a process that traces imports this module. The gateway decides at random whether to trace a request. It ignores the
client's sampling flag and does not sample by trace id: otherwise any client could have everything recorded. It keeps
the trace id, so that the client's own trace continues. Within the mesh `traceparent` decides: NATS admits only the
mesh's own processes.

An untraced request has no span. Spans carry names and codes by OpenTelemetry's semantic conventions, and the request
id. They never carry payloads, users, or the text of a fault.
"""

import logging
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Thread
from typing import Final

import structlog
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanKind, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import Attributes

from mesh.core.context import Context, working_on
from mesh.core.errors import Fault, RemoteFault
from mesh.telemetry.methods import OTHER, known_method

log = structlog.get_logger()

REQUEST_ID: Final = "mesh.request_id"

_TRACEPARENT = "traceparent"
_SAMPLED = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f][13579bdf]")
_FLAGS = len("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-")
_SERVER_ERROR = 500  # from this status on the failure is the server's
_FLUSH = 2.0
"""Seconds to export the last spans when the process ends."""
_PAUSE = 60.0
"""Seconds between two warnings about the collector."""
_propagator = TraceContextTextMapPropagator()


class Span:
    """The span of one traced request in this process; ended exactly once."""

    def __init__(self, tracer: trace.Tracer, span: trace.Span) -> None:
        self.trace_id = trace.format_trace_id(span.get_span_context().trace_id)
        self._tracer = tracer
        self._span = span

    @contextmanager
    def call(self, current: Context, subject: str) -> Iterator[None]:
        """Open a child span for a call within the request; the trace headers pass it on.

        Inside the context the current request has no span, so that the call itself is not traced again.
        """
        service = subject.partition(".")[0]
        attributes = {**_rpc(current, subject), "service.peer.name": service}
        span = self._tracer.start_span(subject, set_span_in_context(self._span), SpanKind.CLIENT, attributes)
        code: str | None = "ok"
        failure: str | None = None
        try:
            with working_on(current._replace(span=None, trace=_headers(span, current.trace))):
                yield
        except BaseException as error:
            code = error.code.value if isinstance(error, RemoteFault | Fault) else None
            failure = code or type(error).__name__
            raise
        finally:
            _end(span, "rpc.response.status_code", code, failure)

    def headers(self, current: Context) -> dict[str, str]:
        """The trace headers that make what follows a child of this span."""
        return _headers(self._span, current.trace)

    def answered(self, method: str, route: str | None, status: int | None) -> None:
        """End with the HTTP status, or None if the process ends first; `route` is the template."""
        known = known_method(method)
        self._span.update_name(" ".join(filter(None, ("HTTP" if known == OTHER else known, route))))
        self._span.set_attribute("http.request.method", known)
        if route is not None:
            self._span.set_attribute("http.route", route)
        failure = "cancelled" if status is None else str(status) if status >= _SERVER_ERROR else None
        _end(self._span, "http.response.status_code", status, failure)

    def served(self, fault: Fault | None) -> None:
        """End with the fault in the reply, or None."""
        code = fault.code if fault else None
        failure = code.value if code and code.number >= _SERVER_ERROR else None
        _end(self._span, "rpc.response.status_code", code.value if code else "ok", failure)

    def handled(self, failure: str | None) -> None:
        """End with the reason why the handler of an event failed, or None."""
        _end(self._span, "error.type", None, failure)


class Tracer:
    """Decides which requests are traced, and starts their spans."""

    def __init__(
        self,
        process: str,
        ratio: float,
        processor: SpanProcessor,
        most_per_second: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ratio` is the fraction of HTTP requests to trace, 0 to 1; `most_per_second` bounds them if it is not 0.

        `clock` returns seconds that only grow.
        """
        resource = Resource.create({"service.name": process, "service.namespace": "northwind-mesh"})
        self._provider = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("mesh")
        self._ratio = ratio
        self._most = most_per_second
        self._clock = clock
        self._second = 0
        self._left = most_per_second

    def at_edge(self, context: Context) -> Context:
        """The context of an HTTP request: with a span, or with headers that mark it as not sampled."""
        if random.random() < self._ratio and (not self._most or self._has_room()):  # noqa: S311  # no secret
            return self._traced(context, "HTTP", {REQUEST_ID: context.request_id})
        if (parent := context.trace.get(_TRACEPARENT)) is None:
            return context
        return context._replace(trace={**context.trace, _TRACEPARENT: f"{parent[:_FLAGS]}00"})

    def in_consumer(self, context: Context, subject: str, event_id: str) -> Context:
        """The context of an event that is handled: with a span if its publisher traces it."""
        if not _SAMPLED.match(context.trace.get(_TRACEPARENT, "")):
            return context
        attributes = {
            "messaging.system": "nats",
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": subject,
            "messaging.message.id": event_id,
            REQUEST_ID: context.request_id,
        }
        return self._traced(context, f"process {subject}", attributes, SpanKind.CONSUMER)

    def in_worker(self, context: Context, subject: str) -> Context:
        """The context of a NATS request: with a span if its caller traces it."""
        if not _SAMPLED.match(context.trace.get(_TRACEPARENT, "")):
            return context
        return self._traced(context, subject, _rpc(context, subject))

    def _has_room(self) -> bool:
        """Whether this second may have one more trace."""
        second = int(self._clock())
        if second != self._second:
            self._second, self._left = second, self._most
        self._left -= 1
        return self._left >= 0

    def close(self) -> None:
        """Export the remaining spans, within two seconds."""
        # OpenTelemetry's own limit is 30 s, and a request to the collector has none.
        flush = Thread(target=self._provider.shutdown, daemon=True)
        flush.start()
        flush.join(_FLUSH)

    def _traced(self, context: Context, name: str, attributes: Attributes, kind: SpanKind = SpanKind.SERVER) -> Context:
        span = self._tracer.start_span(name, _propagator.extract(context.trace), kind, attributes)
        return context._replace(span=Span(self._tracer, span))


def exporting(process: str, ratio: float, most_per_second: int = 0) -> Tracer:
    """A tracer that exports spans by OTLP over HTTP, to the target in OpenTelemetry's own variables.

    It exports in a thread, and drops spans that do not fit into its queue: no request waits for the collector.
    Raises ValueError for an invalid variable.
    """
    logger = logging.getLogger("opentelemetry")
    logger.handlers, logger.propagate = [_Warnings()], False
    for part in ("trace", "util"):  # they would log client input and OTEL_EXPORTER_OTLP_HEADERS
        logging.getLogger(f"opentelemetry.{part}").setLevel(logging.CRITICAL)
    return Tracer(process, ratio, BatchSpanProcessor(OTLPSpanExporter()), most_per_second)


class _Warnings(logging.Handler):
    """Logs OpenTelemetry's warnings, at most once a minute."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._silent_until = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        if (now := time.monotonic()) >= self._silent_until:
            self._silent_until = now + _PAUSE
            log.warning("tracing_disturbed", why=record.getMessage())


def _rpc(context: Context, subject: str) -> dict[str, str]:
    return {"rpc.system.name": "nats", "rpc.method": subject, REQUEST_ID: context.request_id}


def _headers(span: trace.Span, came: Mapping[str, str]) -> dict[str, str]:
    """The trace headers of a call: the span's own, and received ones that it does not replace (baggage)."""
    headers = {name: value for name, value in came.items() if name not in _propagator.fields}
    _propagator.inject(headers, set_span_in_context(span))
    return headers


def _end(span: trace.Span, attribute: str, outcome: str | int | None, failure: str | None) -> None:
    """End the span with its outcome; `failure` is the error type if it failed."""
    if outcome is not None:
        span.set_attribute(attribute, outcome)
    if failure is not None:
        span.set_attribute("error.type", failure)
        span.set_status(StatusCode.ERROR)
    span.end()
