"""Settings of logging, tracing and metrics."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from mesh.core.settings import Settings, word


class TraceSettings(Settings):
    """The share of requests to trace. docs/explanation/tracing.md describes OpenTelemetry's own variables."""

    trace_ratio: float = Field(0.0, ge=0, le=1)
    """The share of HTTP requests to trace, 0 to 1. 0 traces none, and a worker then joins no trace."""
    trace_most_per_second: int = Field(0, ge=0, le=1_000_000)
    """Requests that a gateway traces a second on average, at most. 0 sets no limit."""
    trace_slower_than: float = Field(0.0, ge=0, le=3600)
    """Seconds. A request that takes longer, or fails, is traced by one span even if it was not drawn. 0: none is."""


class LogSettings(Settings):
    """Level and format of the log."""

    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(word)] = "info"
    """The least severe level that is logged."""
    log_format: Annotated[Literal["auto", "json", "otlp", "pretty"], BeforeValidator(word)] = "auto"
    """auto: pretty on a terminal, JSON lines elsewhere. otlp: JSON lines, sent to the OTLP collector too."""
    log_most_per_second: int = Field(0, ge=0, le=1_000_000)
    """Lines below warning of untraced requests that otlp sends a second, at most. 0 sets no limit."""
    log_send_every: float = Field(1.0, gt=0, le=3600)
    """Seconds between two batches of lines that otlp sends."""
    log_send_batch: int = Field(512, ge=1, le=100_000)
    """Lines in one batch, at most."""
    log_send_waiting: int = Field(2048, ge=1, le=1_000_000)
    """Lines that wait to be sent, at most. A newer one replaces the oldest."""


class MetricsSettings(Settings):
    """Where a process shows its metrics (ADR 33)."""

    metrics_port: int | None = Field(None, ge=1, le=65535)
    """The port of `/metrics`. Without it the process measures and shows nothing."""
    metrics_host: str = "127.0.0.1"
    """The address of `/metrics`. Whoever reaches it can read the metrics: it asks for no credentials.

    Of a name with several addresses, the process takes those of this machine.
    """
    metrics_reuse_port: bool = False
    """Whether another process may listen on the same port: a new process beside the one that it replaces."""
