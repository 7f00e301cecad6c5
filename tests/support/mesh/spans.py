"""The spans that processes of a test end."""

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from mesh.telemetry.tracing import NO_LIMITS, Limits, Tracer


class Spans:
    """The spans of some processes, once they have ended."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()

    def tracer(self, process: str, ratio: float = 1.0, limits: Limits = NO_LIMITS) -> Tracer:
        return Tracer(process, ratio, SimpleSpanProcessor(self._exporter), limits)

    def ended(self) -> dict[str, ReadableSpan]:
        """By process and kind; the last of each."""
        return {f"{span.resource.attributes['service.name']!s} {span.kind.name.lower()}": span for span in self.all()}

    def all(self) -> tuple[ReadableSpan, ...]:
        """In the order of their ends."""
        return self._exporter.get_finished_spans()
