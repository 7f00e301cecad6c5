"""What traces and logs by OTLP have in common: who sends them, and warnings about the collector (ADR 13, ADR 43)."""

import logging
import time
from http.client import HTTPConnection, HTTPException, HTTPResponse
from io import BytesIO
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies

import requests
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


class PlainSession(requests.Session):
    """A session for OpenTelemetry's exporters. It sends to an http:// collector at a third of the CPU of requests.

    It keeps one connection, for one thread. What it cannot do, it leaves to requests: TLS and proxies.
    """

    def __init__(self) -> None:
        super().__init__()
        self._connection: HTTPConnection | None = None
        self._proxied = "http" in getproxies()

    def request(self, method: Any, url: Any, *_: Any, **options: Any) -> requests.Response:  # noqa: ANN401  # as in requests
        """Send. Raises requests.ConnectionError if no answer comes within `timeout` seconds."""
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.username or self._proxied:
            return super().request(method, url, **options)
        if self._connection is None:
            self._connection = HTTPConnection(parts.hostname or "", parts.port)
        self._connection.timeout = options["timeout"]
        if self._connection.sock is not None:
            self._connection.sock.settimeout(options["timeout"])
        try:
            target = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
            self._connection.request(method, target, options["data"], dict(options["headers"]))
            return _as_requests(self._connection.getresponse())
        except (HTTPException, OSError) as error:
            self._connection.close()
            raise requests.ConnectionError(str(error)) from error

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
        super().close()


def _as_requests(answer: HTTPResponse) -> requests.Response:
    response = requests.Response()
    response.status_code = answer.status
    response.reason = answer.reason
    response.headers.update(answer.getheaders())
    response.raw = BytesIO(answer.read())
    return response


class _Warnings(logging.Handler):
    """Logs OpenTelemetry's warnings, at most once a minute."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._silent_until = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        if (now := time.monotonic()) >= self._silent_until:
            self._silent_until = now + _PAUSE
            log.warning("collector_disturbed", why=record.getMessage())
