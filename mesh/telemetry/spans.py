"""The spans of a traced request: what each records, by OpenTelemetry's semantic conventions (ADR 13, ADR 43).

Spans carry names and codes, the text of statements, and the request id. They never carry values, payloads, users, or
the message of an exception.
"""

import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from opentelemetry import trace
from opentelemetry.trace import Link, SpanKind, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from mesh.core.context import Context, working_on
from mesh.core.errors import Fault, RemoteFault
from mesh.telemetry.attributes import REQUEST_ID
from mesh.telemetry.methods import OTHER, known_method

PROPAGATOR: Final = TraceContextTextMapPropagator()
SERVER_ERROR: Final = 500
"""From this status on the failure is the server's."""
_MOST_FRAMES: Final = 32


class Span:
    """The span of one traced request in this process; ended exactly once."""

    def __init__(self, tracer: trace.Tracer, span: trace.Span) -> None:
        self.trace_id = trace.format_trace_id(span.get_span_context().trace_id)
        self._tracer = tracer
        self._span = span
        self._here = set_span_in_context(span)

    @contextmanager
    def call(self, current: Context, subject: str) -> Iterator[None]:
        """Open a child span for a call within the request; the trace headers pass it on.

        Inside the context the current request has no span, so that the call itself is not traced again.
        """
        service = subject.partition(".")[0]
        attributes = {**rpc(current, subject), "service.peer.name": service}
        span = self._tracer.start_span(subject, self._here, SpanKind.CLIENT, attributes)
        code: str | None = "ok"
        failure: str | None = None
        try:
            with working_on(current._replace(span=None, trace=_headers(span, current.trace))):
                yield
        except BaseException as error:
            code, failure = None, type(error).__name__
            if isinstance(error, RemoteFault | Fault):
                code, failure = error.code.value, error.reason
            raise
        finally:
            _end(span, "rpc.response.status_code", code, failure)

    def headers(self, current: Context) -> dict[str, str]:
        """The trace headers that make what follows a child of this span."""
        return _headers(self._span, current.trace)

    @contextmanager
    def step(self, current: Context, name: str, **about: str) -> Iterator[None]:
        """Open a child span for a step of the request that leaves the process; `about` has its attributes."""
        attributes = {REQUEST_ID: current.request_id, **about}
        with _failing(self._tracer.start_span(name, self._here, SpanKind.CLIENT, attributes)):
            yield

    def created(self, current: Context, subject: str, event_id: str) -> dict[str, str]:
        """Record that the request creates an event. Returns the event's trace headers, for what follows from it."""
        attributes = {REQUEST_ID: current.request_id, **messaging("create", subject, event_id)}
        span = self._tracer.start_span(f"create {subject}", self._here, SpanKind.PRODUCER, attributes)
        span.end()
        return _headers(span, current.trace)

    @contextmanager
    def sent(self, subject: str, event_id: str) -> Iterator[None]:
        """Open a child span for an event on its way to the stream."""
        span = self._tracer.start_span(
            f"send {subject}", self._here, SpanKind.CLIENT, messaging("send", subject, event_id)
        )
        with _failing(span):
            yield

    def statement(self, about: Mapping[str, str], started: int, ended: int, failure: str | None) -> None:
        """Record a statement on a database with its attributes. `started` and `ended` are Unix nanoseconds."""
        named = (about.get("db.operation.name"), about.get("db.collection.name"))
        name = " ".join(filter(None, named)) or about["db.system.name"]
        span = self._tracer.start_span(name, self._here, SpanKind.CLIENT, about, start_time=started)
        _end(span, "db.response.status_code", failure, failure, ended)

    def waited(self, seconds: float) -> None:
        """Record that the request has waited so long for a handler until now."""
        now = time.time_ns()
        self._tracer.start_span("wait for a handler", self._here, start_time=now - round(seconds * 1e9)).end(now)

    def failed(self, error: BaseException) -> None:
        """Record an exception: its type and where it was raised. Its message may repeat what a user wrote.

        A fault stands for what caused it. One that is the caller's is no failure.
        """
        if isinstance(error, Fault):
            if error.code.number < SERVER_ERROR:
                return
            error = error.__cause__ or error
        kind = type(error)
        frames = traceback.format_tb(error.__traceback__, -_MOST_FRAMES)
        name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        self._span.add_event("exception", {"exception.type": name, "exception.stacktrace": "".join(frames)})

    def answered(self, method: str, route: str | None, status: int | None) -> None:
        """End with the HTTP status, or None if the process ends first; `route` is the template."""
        known = known_method(method)
        self._span.update_name(" ".join(filter(None, ("HTTP" if known == OTHER else known, route))))
        self._span.set_attribute("http.request.method", known)
        if route is not None:
            self._span.set_attribute("http.route", route)
        failure = "cancelled" if status is None else str(status) if status >= SERVER_ERROR else None
        _end(self._span, "http.response.status_code", status, failure)

    def served(self, fault: Fault | None) -> None:
        """End with the fault in the reply, or None."""
        code = fault.code if fault else None
        failure = fault.reason if fault and fault.code.number >= SERVER_ERROR else None
        _end(self._span, "rpc.response.status_code", code.value if code else "ok", failure)

    def handled(self, failure: str | None) -> None:
        """End with the reason why the handler of an event failed, or None."""
        _end(self._span, "error.type", None, failure)


def rpc(context: Context, subject: str) -> dict[str, str]:
    """The attributes of a call."""
    return {"rpc.system.name": "nats", "rpc.method": subject, REQUEST_ID: context.request_id}


def messaging(operation: str, subject: str, event_id: str) -> dict[str, str]:
    """The attributes of what is done with an event."""
    return {
        "messaging.system": "nats",
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.destination.name": subject,
        "messaging.message.id": event_id,
    }


def link_to(headers: Mapping[str, str]) -> list[Link]:
    """A link to the span in trace headers."""
    return [Link(trace.get_current_span(PROPAGATOR.extract(headers)).get_span_context())]


def _headers(span: trace.Span, came: Mapping[str, str]) -> dict[str, str]:
    """The trace headers of a call: the span's own, and received ones that it does not replace (baggage)."""
    headers = {name: value for name, value in came.items() if name not in PROPAGATOR.fields}
    PROPAGATOR.inject(headers, set_span_in_context(span))
    return headers


@contextmanager
def _failing(span: trace.Span) -> Iterator[None]:
    """End the span with the context; an exception marks it as failed."""
    failure: str | None = None
    try:
        yield
    except BaseException as error:
        failure = type(error).__name__
        raise
    finally:
        _end(span, "error.type", None, failure)


def _end(
    span: trace.Span, attribute: str, outcome: str | int | None, failure: str | None, at: int | None = None
) -> None:
    """End the span with its outcome, at a time in Unix nanoseconds; `failure` is the error type if it failed."""
    if outcome is not None:
        span.set_attribute(attribute, outcome)
    if failure is not None:
        span.set_attribute("error.type", failure)
        span.set_status(StatusCode.ERROR)
    span.end(at)
