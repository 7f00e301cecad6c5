"""Sends log lines by OTLP over HTTP: in batches, from a thread of its own, and never blocking (ADR 43)."""

import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from threading import Event, Thread
from typing import Final

import structlog
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.trace import NonRecordingSpan, SpanContext, set_span_in_context
from pydantic_core import to_json
from structlog.typing import EventDict

from mesh.core.terminal import escaped
from mesh.telemetry.otlp import PlainSession, quieten, resource
from mesh.telemetry.probes import PROBES
from mesh.telemetry.settings import LogSettings

log = structlog.get_logger()

NOT_SENT: Final = "log_lines_not_sent"
_FLUSH: Final = 2.0
"""Seconds to send the last lines when the process ends."""
_REPORT: Final = 60.0
"""Seconds between two reports of lines that were not sent."""
_LONGEST: Final = 4000
"""Characters of a value. A longer one is cut."""
_SEVERITIES: Final = {
    "debug": SeverityNumber.DEBUG,
    "info": SeverityNumber.INFO,
    "warning": SeverityNumber.WARN,
    "error": SeverityNumber.ERROR,
    "critical": SeverityNumber.FATAL,
}
_UNLIMITED: Final = frozenset({"warning", "error", "critical"})
_NOT_ATTRIBUTES: Final = frozenset({"event", "level", "timestamp", "service", "instance", "trace_id"})
_Line = tuple[int, Mapping[str, object]]


class LogSender:
    """Keeps lines in a bounded queue and sends them; a structlog processor that passes each line on unchanged.

    A full queue drops its oldest line. `not_sent` counts by reason the lines that do not arrive: `queue_full`,
    `refused` by the collector, and `limit`: over `log_most_per_second`, below warning, and of no traced request.
    """

    def __init__(self, process: str, settings: LogSettings, exporter: LogRecordExporter) -> None:
        self.not_sent = Counter[str]()
        self._resource = resource(process)
        self._exporter = exporter
        self._most = settings.log_most_per_second
        self._second, self._left = 0, self._most
        self._pause = settings.log_send_every
        self._batch = settings.log_send_batch
        self._queue = deque[_Line](maxlen=settings.log_send_waiting)
        self._wake = Event()
        self._awake = False
        """Whether the thread knows of a line: it sleeps while there is none."""
        self._ended = False
        self._reported = time.monotonic()
        self._thread = Thread(target=self._run, name="log-sender", daemon=True)
        self._thread.start()

    def __call__(self, _logger: object, _method: str, event: EventDict) -> EventDict:
        """Queue the line."""
        now = time.time_ns()
        if (
            self._most
            and "trace_id" not in event
            and event["level"] not in _UNLIMITED
            and not self._has_room(now // 1_000_000_000)
        ):
            self.not_sent["limit"] += 1
            return event
        if event.get("path") in PROBES and event.get("status") == HTTPStatus.OK:
            return event
        if len(self._queue) == self._queue.maxlen:
            self.not_sent["queue_full"] += 1
        self._queue.append((now, event))
        if len(self._queue) >= self._batch or not self._awake:
            self._awake = True
            self._wake.set()
        return event

    def close(self) -> None:
        """Send the remaining lines, within two seconds. Idempotent."""
        if self._ended:
            return
        self._ended = True
        self._wake.set()
        self._thread.join(_FLUSH)
        self._exporter.shutdown()  # type: ignore[no-untyped-call]  # OpenTelemetry's

    def _has_room(self, second: int) -> bool:
        """Whether this second may have one more line."""
        if second != self._second:
            self._second, self._left = second, self._most
        self._left -= 1
        return self._left >= 0

    def _run(self) -> None:
        while not self._ended:
            self._wake.wait()
            self._wake.clear()
            if not self._ended and len(self._queue) < self._batch:
                self._wake.wait(self._pause)  # for more lines of the same batch
                self._wake.clear()
            self._awake = False
            self._send()
            if self.not_sent and time.monotonic() - self._reported >= _REPORT:
                self._reported = time.monotonic()
                self.report()

    def report(self) -> None:
        """Log how many lines were not sent. The limit alone does what it is set for."""
        tell = log.warning if self.not_sent.keys() - {"limit"} else log.info
        tell(NOT_SENT, since_the_start=dict(self.not_sent))

    def _send(self) -> None:
        while self._queue:
            lines = [self._queue.popleft() for _ in range(min(self._batch, len(self._queue)))]
            if self._exporter.export([*self._records(lines)]) is not LogRecordExportResult.SUCCESS:
                self.not_sent["refused"] += len(lines)

    def _records(self, lines: Iterable[_Line]) -> Iterable[ReadableLogRecord]:
        for at, line in lines:
            level = str(line["level"])
            record = LogRecord(
                timestamp=at,
                context=set_span_in_context(NonRecordingSpan(_span_context(line.get("trace_id")))),
                severity_text=level,
                severity_number=_SEVERITIES[level],
                body=_text(line["event"]),
                attributes={_text(name): _value(one) for name, one in line.items() if name not in _NOT_ATTRIBUTES},
            )
            yield ReadableLogRecord(record, self._resource)


def sending(process: str, settings: LogSettings) -> LogSender:
    """Sends this process's lines to the target in OpenTelemetry's own variables."""
    quieten()
    return LogSender(process, settings, OTLPLogExporter(session=PlainSession()))


def _span_context(trace_id: object) -> SpanContext:
    return SpanContext(int(str(trace_id), 16) if trace_id else 0, 0, is_remote=False)


def _value(value: object) -> str | bool | int | float:
    if isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 1 << 63):
        return value
    return _text(value if isinstance(value, str) else to_json(value, fallback=repr, inf_nan_mode="constants").decode())


def _text(value: object) -> str:
    """The text, as protobuf takes it: a lone surrogate would spoil the whole batch."""
    return escaped(str(value)[:_LONGEST], keep="\n\t")
