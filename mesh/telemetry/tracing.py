"""Traces requests with OpenTelemetry: their processes, durations and outcomes (ADR 13).

Only a process that traces imports this module. The gateway decides at random whether to trace a request. It ignores the
client's sampling flag and does not sample by trace id: otherwise any client could have everything recorded. It keeps
the trace id, so that the client's own trace continues. Within the mesh `traceparent` decides: NATS admits only the
mesh's own processes.

An untraced request has no span.
"""

import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from threading import Thread
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, SpanKind, get_current_span
from opentelemetry.util.types import Attributes

from mesh.core.context import NO_DEADLINE, Context
from mesh.telemetry.otlp import quieten, resource
from mesh.telemetry.spans import PROPAGATOR, REQUEST_ID, Span, link_to, messaging, rpc

_TRACEPARENT = "traceparent"
_SAMPLED = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f][13579bdf]")
_FLAGS = len("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-")
_FLUSH = 2.0
"""Seconds to export the last spans when the process ends."""
_UNTRACED: Final = nullcontext()


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
        self._provider = TracerProvider(ALWAYS_ON, resource(process), shutdown_on_exit=False)
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


def exporting(process: str, ratio: float, most_per_second: int = 0) -> Tracer:
    """A tracer that exports spans by OTLP over HTTP, to the target in OpenTelemetry's own variables.

    It exports in a thread, and drops spans that do not fit into its queue: no request waits for the collector.
    Raises ValueError for an invalid variable.
    """
    quieten()
    return Tracer(process, ratio, BatchSpanProcessor(OTLPSpanExporter()), most_per_second)


def _sampled(headers: Mapping[str, str]) -> bool:
    return _SAMPLED.match(headers.get(_TRACEPARENT, "")) is not None
