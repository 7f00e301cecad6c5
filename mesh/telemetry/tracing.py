"""Traces requests with OpenTelemetry: their processes, durations and outcomes (ADR 13).

Only a process that traces imports this module. The gateway decides at random whether to trace a request. It ignores the
client's sampling flag and does not sample by trace id: otherwise any client could have everything recorded. It keeps
the trace id, so that the client's own trace continues. Within the mesh `traceparent` decides: NATS admits only the
mesh's own processes.

An untraced request has no span. One that fails or is slow gets its span when it ends, if the settings ask for it.
"""

import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from threading import Thread
from typing import Final, NamedTuple

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, SpanKind, get_current_span
from opentelemetry.util.types import Attributes

from mesh.core.context import NO_DEADLINE, Context
from mesh.telemetry.attributes import LATE, REQUEST_ID
from mesh.telemetry.bucket import Bucket
from mesh.telemetry.otlp import PlainSession, quieten, resource
from mesh.telemetry.spans import PROPAGATOR, SERVER_ERROR, Span, link_to, messaging, rpc

_TRACEPARENT = "traceparent"
_SAMPLED = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f][13579bdf]")
_FLAGS = len("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-")
_FLUSH = 2.0
"""Seconds to export the last spans when the process ends."""
_UNTRACED: Final = nullcontext()


class Limits(NamedTuple):
    """Which requests are traced beyond the ratio's draw, and how many."""

    most_per_second: int = 0
    """On average; ten times as many at once after a quiet time. 0 sets no limit."""
    slower_than: float = 0.0
    """Seconds from which on a request gets a span when it ends, as one that fails does. 0: none does."""


NO_LIMITS: Final = Limits()


class Tracer:
    """Decides which requests are traced, and starts their spans."""

    def __init__(
        self,
        process: str,
        ratio: float,
        processor: SpanProcessor,
        limits: Limits = NO_LIMITS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ratio` is the fraction of HTTP requests to trace, 0 to 1. `clock` returns seconds that only grow."""
        self._provider = TracerProvider(ALWAYS_ON, resource(process), shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("mesh")
        self._ratio = ratio
        self._drawn, self._late = (Bucket(limits.most_per_second, clock) for _ in range(2))
        self._slow = limits.slower_than

    def at_edge(self, context: Context) -> Context:
        """The context of an HTTP request: with a span, or with headers that mark it as not sampled."""
        if random.random() < self._ratio and self._drawn.take():  # noqa: S311  # no secret
            return self._traced(context, "HTTP", {REQUEST_ID: context.request_id})
        if (parent := context.trace.get(_TRACEPARENT)) is None:
            return context
        return context._replace(trace={**context.trace, _TRACEPARENT: f"{parent[:_FLAGS]}00"})

    def at_end(self, context: Context, status: int | None, seconds: float) -> Context:
        """The context of an untraced HTTP request that has ended: with a span if it failed or was slow.

        `status` is None if the process ended first. The span is alone: nothing recorded the steps below it.
        """
        if not self._slow or (status is not None and status < SERVER_ERROR and seconds < self._slow):
            return context
        if not self._late.take():
            return context
        about: Attributes = {REQUEST_ID: context.request_id, LATE: True}
        parent = PROPAGATOR.extract(context.trace)
        started = time.time_ns() - round(seconds * 1e9)
        span = self._tracer.start_span("HTTP", parent, SpanKind.SERVER, about, start_time=started)
        return context._replace(span=Span(self._tracer, span))

    def in_consumer(self, context: Context, subject: str, event_id: str) -> Context:
        """The context of an event that is handled: with a span if its publisher traces it.

        The span is a child of the span that created the event, and linked to it: a view that shows traces by their
        roots finds it, and one that follows links does too.
        """
        if not _sampled(context.trace):
            return context
        attributes = {REQUEST_ID: context.request_id, **messaging("process", subject, event_id)}
        return self._traced(context, f"process {subject}", attributes, SpanKind.CONSUMER, link_to(context.trace))

    def in_relay(self, subject: str, event_id: str, headers: Mapping[str, str]) -> AbstractContextManager[None]:
        """A span for an event on its way from the outbox to the stream, if its publisher traces it."""
        span = self.in_background(Context("", NO_DEADLINE, trace=headers)).span
        return _UNTRACED if span is None else span.sent(subject, event_id)

    def in_background(self, context: Context) -> Context:
        """The context of work that a request has left behind: its steps are children of the span in its headers."""
        if not _sampled(context.trace):
            return context
        return context._replace(span=Span(self._tracer, get_current_span(PROPAGATOR.extract(context.trace))))

    def in_worker(self, context: Context, subject: str) -> Context:
        """The context of a NATS request: with a span if its caller traces it."""
        if not _sampled(context.trace):
            return context
        return self._traced(context, subject, rpc(context, subject))

    def close(self) -> None:
        """Export the remaining spans, within two seconds."""
        # OpenTelemetry's own limit is 30 s, and a request to the collector has none.
        flush = Thread(target=self._provider.shutdown, daemon=True)
        flush.start()
        flush.join(_FLUSH)

    def _traced(
        self,
        context: Context,
        name: str,
        attributes: Attributes,
        kind: SpanKind = SpanKind.SERVER,
        links: Sequence[Link] = (),
    ) -> Context:
        span = self._tracer.start_span(name, PROPAGATOR.extract(context.trace), kind, attributes, links)
        return context._replace(span=Span(self._tracer, span))


def exporting(process: str, ratio: float, limits: Limits = NO_LIMITS) -> Tracer:
    """A tracer that exports spans by OTLP over HTTP, to the target in OpenTelemetry's own variables.

    It exports in a thread, and drops spans that do not fit into its queue: no request waits for the collector.
    Raises ValueError for an invalid variable.
    """
    quieten()
    return Tracer(process, ratio, BatchSpanProcessor(OTLPSpanExporter(session=PlainSession())), limits)


def _sampled(headers: Mapping[str, str]) -> bool:
    return _SAMPLED.match(headers.get(_TRACEPARENT, "")) is not None
