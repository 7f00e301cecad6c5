"""What traces and logs by OTLP have in common: who sends them, and warnings about the collector (ADR 13, ADR 43)."""

import logging
import time
from typing import Final

import structlog
from opentelemetry.sdk.resources import Resource

from mesh.core.instance import instance_id

log = structlog.get_logger()

_PAUSE: Final = 60.0
"""Seconds between two warnings about the collector."""


def resource(process: str) -> Resource:
    """The process, as OpenTelemetry describes it."""
    return Resource.create(
        {"service.name": process, "service.namespace": "northwind-mesh", "service.instance.id": instance_id()}
    )


def quieten() -> None:
    """Log OpenTelemetry's warnings at most once a minute, without client input and OTEL_EXPORTER_OTLP_HEADERS."""
    logger = logging.getLogger("opentelemetry")
    if not any(isinstance(handler, _Warnings) for handler in logger.handlers):
        logger.handlers, logger.propagate = [_Warnings()], False
    for part in ("trace", "util"):
        logging.getLogger(f"opentelemetry.{part}").setLevel(logging.CRITICAL)


class _Warnings(logging.Handler):
    """Logs OpenTelemetry's warnings, at most once a minute."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._silent_until = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        if (now := time.monotonic()) >= self._silent_until:
            self._silent_until = now + _PAUSE
            log.warning("collector_disturbed", why=record.getMessage())
