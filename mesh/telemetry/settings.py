"""What a process logs, and how many requests it traces."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from mesh.core.settings import Settings, word


class TraceSettings(Settings):
    """The share of requests to trace. OpenTelemetry's own variables say where spans go: docs/explanation/tracing.md."""

    trace_ratio: float = Field(0.0, ge=0, le=1)
    """The share of HTTP requests to trace, 0 to 1. 0 traces none, and a worker then joins no trace."""


class LogSettings(Settings):
    """How much is logged, and for whom."""

    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(word)] = "info"
    """The least severe level that is logged."""
    log_format: Annotated[Literal["auto", "json", "pretty"], BeforeValidator(word)] = "auto"
    """auto: pretty on a terminal, JSON lines elsewhere."""
