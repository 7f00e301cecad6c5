"""How a process logs: one event a line, JSON for machines, colours on a terminal."""

import json
import sys

import structlog
from pydantic_core import PydanticSerializationError, to_json
from structlog.typing import EventDict, Processor

from mesh import context
from mesh.settings import LogSettings

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure(settings: LogSettings, process: str) -> None:
    """Set structlog up for this process; every line carries its name and the current request's id."""
    pretty = settings.log_format == "pretty" or (settings.log_format == "auto" and sys.stderr.isatty())
    render: list[Processor] = (
        [structlog.dev.ConsoleRenderer()] if pretty else [structlog.processors.dict_tracebacks, as_json]
    )

    def named(_logger: object, _method: str, event: EventDict) -> EventDict:
        return {"process": process, **event}

    structlog.configure(
        processors=[
            request_id,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            named,
            *render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[settings.log_level]),
        logger_factory=(
            structlog.WriteLoggerFactory(sys.stderr) if pretty else structlog.BytesLoggerFactory(sys.stderr.buffer)
        ),
        cache_logger_on_first_use=True,
    )


def request_id(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Name the request that is worked on, as a processor of structlog."""
    if (current := context.current()) is not None:
        event.setdefault("request_id", current.request_id)
    return event


def as_json(_logger: object, _method: str, event: EventDict) -> bytes:
    """The line as JSON, as a processor of structlog: there is one for each request, so it has to be quick."""
    try:
        return to_json(event, fallback=repr, inf_nan_mode="constants")
    except PydanticSerializationError:  # text that UTF-8 cannot say
        return json.dumps(event, default=repr).encode()
