"""Keeps the newest traces: the spans of each request, as the processes send them."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from console.sources.ring import Ring
from mesh.telemetry.attributes import LATE, REQUEST_ID
from mesh.telemetry.probes import PROBES

Value = str | int | float | bool

MOST_SPANS_OF_ONE: Final = 500
"""Spans of one trace. More are counted, not kept."""


@dataclass(frozen=True)
class Span:
    """One step of a request in one process. Times are Unix nanoseconds."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: str
    service: str
    instance: str
    start: int
    end: int
    error: str
    """The type of the error; empty if it succeeded."""
    attributes: Mapping[str, Value] = field(default_factory=dict)
    events: tuple[Mapping[str, Any], ...] = ()
    """Exceptions, with the nanoseconds since the start."""
    links: tuple[str, ...] = ()
    """Span ids that this span follows from."""

    @property
    def ms(self) -> float:
        """Its duration."""
        return (self.end - self.start) / 1e6


@dataclass
class Trace:
    """The spans of one request that have arrived."""

    trace_id: str
    spans: list[Span] = field(default_factory=list)
    dropped: int = 0

    @property
    def root(self) -> Span:
        """The first step: of the gateway if it has sent its span, which it does last."""
        known = {one.span_id for one in self.spans}
        outer = [one for one in self.spans if one.parent_id not in known]
        edge = [one for one in outer if "http.request.method" in one.attributes]
        return min(edge or outer or self.spans, key=lambda one: one.start)

    @property
    def request_id(self) -> str:
        """The request id in any of its spans."""
        return next((str(one.attributes[REQUEST_ID]) for one in self.spans if REQUEST_ID in one.attributes), "")

    @property
    def error(self) -> str:
        """The first error that names a reason; else the root's, which is a status. Empty if every step succeeded."""
        errors = [one.error for one in sorted(self.spans, key=lambda one: one.start) if one.error]
        return next((one for one in errors if not one.isdigit()), self.root.error or next(iter(errors), ""))

    def summary(self) -> dict[str, Any]:
        """One line of the list of requests."""
        root = self.root
        about = root.attributes
        status = about.get("http.response.status_code", about.get("rpc.response.status_code", ""))
        return {
            "trace_id": self.trace_id,
            "request_id": self.request_id,
            "at": root.start / 1e9,
            "name": root.name,
            "route": str(about.get("http.route", root.name)),
            "method": str(about.get("http.request.method", "")),
            "status": status,
            "ms": round(root.ms, 3),
            "error": self.error,
            "failed": bool(root.error),
            "late": LATE in about,
            "services": list(dict.fromkeys(one.service for one in sorted(self.spans, key=lambda one: one.start))),
            "spans": len(self.spans),
        }

    def text(self) -> Iterator[str]:
        """What a search looks through."""
        for span in self.spans:
            yield span.name
            yield span.error
            yield from map(str, span.attributes.values())


class Traces:
    """The newest traces, bounded by the number of their spans."""

    def __init__(self, most_spans: int) -> None:
        self._most = most_spans
        self._count = 0
        self._by_id: OrderedDict[str, Trace] = OrderedDict()
        self._by_request: dict[str, str] = {}
        self._begun, self._measured = 0, (0, 0.0)
        self.rate = 0.0
        """Traces a second that began between the last two measurements."""
        self.changed: Ring[str] = Ring(1)
        """Tells pages the ids of traces that have grown."""

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, spans: Iterable[Span]) -> None:
        """Keep spans, and forget the oldest traces for them."""
        grown = dict.fromkeys(span.trace_id for span in spans if self._keep(span))
        while self._count > self._most and len(self._by_id) > 1:
            _, oldest = self._by_id.popitem(last=False)
            self._count -= len(oldest.spans)
            self._by_request.pop(oldest.request_id, None)
        for trace_id in grown:
            if trace_id in self._by_id:
                self.changed.tell(trace_id)

    def measure(self, now: float) -> None:
        """Measure `rate` since the last time. `now` is in seconds."""
        before, then = self._measured
        self._measured = self._begun, now
        self.rate = (self._begun - before) / (now - then) if now > then > 0 else 0.0

    def find(self, any_id: str) -> Trace | None:
        """The trace with this trace id or request id."""
        return self._by_id.get(any_id) or self._by_id.get(self._by_request.get(any_id, ""))

    def newest(self) -> Iterator[Trace]:
        """All traces, the newest first."""
        return reversed(self._by_id.values())

    def _keep(self, span: Span) -> bool:
        if span.attributes.get("http.route") in PROBES and not span.error:
            return False
        trace = self._by_id.get(span.trace_id)
        if trace is None:
            trace = self._by_id[span.trace_id] = Trace(span.trace_id)
            self._begun += 1
        if len(trace.spans) >= MOST_SPANS_OF_ONE:
            trace.dropped += 1
            return False
        trace.spans.append(span)
        self._count += 1
        if (request_id := span.attributes.get(REQUEST_ID)) is not None:
            self._by_request[str(request_id)] = span.trace_id
        return True
