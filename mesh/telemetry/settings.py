"""Settings of logging and tracing."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from mesh.core.settings import Settings, word


class TraceSettings(Settings):
    """The share of requests to trace. docs/explanation/tracing.md describes OpenTelemetry's own variables."""

    trace_ratio: float = Field(0.0, ge=0, le=1)
    """The share of HTTP requests to trace, 0 to 1. 0 traces none, and a worker then joins no trace."""


class LogSettings(Settings):
    """Level and format of the log."""

    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(word)] = "info"
    """The least severe level that is logged."""
    log_format: Annotated[Literal["auto", "json", "pretty"], BeforeValidator(word)] = "auto"
    """auto: pretty on a terminal, JSON lines elsewhere."""
