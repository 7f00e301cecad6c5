"""Configures logging: one event per line, as JSON or in colours, without secrets."""

import atexit
import json
import logging
import re
import sys
import time
from collections.abc import Mapping
from functools import lru_cache, partial
from io import StringIO, TextIOWrapper
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TextIO, cast

import structlog
from pydantic_core import PydanticSerializationError, to_json
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, ExcInfo, Processor

from mesh.core import context
from mesh.core.terminal import escaped
from mesh.telemetry.log_limit import LogLimit
from mesh.telemetry.log_lines import LogWriter
from mesh.telemetry.settings import LogSettings
from mesh.telemetry.streams import BestEffortStream

if TYPE_CHECKING:
    from mesh.telemetry.otlp_logs import LogSender

_SEED = 58
"""Characters in an nkey seed."""
_DELETE = b"\x7f"
"""The only ASCII character that JSON does not escape and a terminal obeys."""
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}

REDACTED: Final = "[redacted]"
_SECRET_NAME = re.compile(
    r"passw|passphrase|secret|token|authori[sz]ation|cookie|credential|seed|private|api_?key", re.IGNORECASE
)
_NUMBERS: Final = frozenset({int, float})
"""Each request logs two, and they have no secrets."""
_SECRET_TEXT = re.compile(
    r"""(?<=bearer\ )[^\s"',]+                    # RFC 6750
    | \beyJ[\w-]+\.[\w-]+\.[\w-]*                 # a JWT, anywhere
    | \bS[ACNOUX][A-Z2-7]{56}\b                   # an nkey's seed
    | [^\s/:@"'=]+:[^\s/@"']+(?=@)                # user and password in a URL
    | (?<=input_value=).*?(?=,\ input_type=)      # the input in the text of a pydantic error
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)


def configure(settings: LogSettings, process: str, instance: str = "") -> LogWriter:
    """Configure structlog for this process; each line carries service, instance, and the current request's id.

    Returns the writer, whose `once_a_turn` joins lines once the event loop runs.
    """
    pretty = settings.log_format == "pretty" or (settings.log_format == "auto" and sys.stderr.isatty())
    sender = _sender(settings, process)
    render: list[Processor] = (
        [printable, structlog.dev.ConsoleRenderer(exception_formatter=_write_exception)]
        if pretty
        else [exceptions, *([sender] if sender else []), as_json]
    )
    out = BestEffortStream(sys.stderr)
    writer = LogWriter(out.write)
    if sender is not None:
        writer.close = sender.close
        atexit.register(sender.close)
    structlog.configure(
        processors=[
            LogLimit(),
            redacted,
            request_id,
            partial(_placed, {"service": process, "instance": instance}),
            *render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[settings.log_level]),
        logger_factory=(
            structlog.WriteLoggerFactory(
                TextIOWrapper(cast("BinaryIO", out), "utf-8", "backslashreplace", write_through=True)
            )
            if pretty
            else writer
        ),
        cache_logger_on_first_use=True,
    )
    logging.getLogger().handlers = [_Libraries(logging.WARNING)]
    return writer


def _sender(settings: LogSettings, process: str) -> "LogSender | None":
    """What sends lines by OTLP, if they are to be sent."""
    if settings.log_format != "otlp":
        return None
    from mesh.telemetry.otlp_logs import sending  # noqa: PLC0415  # costs 0.2 s, so only if sending

    return sending(process, settings)


class _Libraries(logging.Handler):
    """Logs the warnings of libraries (asyncio, uvicorn, drivers) like any other line, without secrets."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log the record."""
        log = structlog.get_logger()
        tell = log.error if record.levelno >= logging.ERROR else log.warning
        exception = {"exc_info": record.exc_info} if record.exc_info else {}
        tell("library", logger=record.name, message=record.getMessage(), **exception)


def redacted(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Redact secrets; a structlog processor (OWASP ASVS 5, V16.2.5).

    A value whose name suggests a secret is replaced. Within texts, tokens, seeds and URL credentials are replaced.
    """
    safe = {
        name: REDACTED if _is_secret(name) else value if type(value) in _NUMBERS else _without_secrets(value)
        for name, value in event.items()
    }
    return safe if "exc_info" not in event else {**safe, "exc_info": event["exc_info"]}  # rendered by a later processor


def _without_secrets(value: Any) -> Any:  # noqa: ANN401  # whatever is logged
    match value:
        case str():
            return _without_secret_text(value)
        case None | bool() | int() | float():
            return value
        case dict():
            return redacted(None, "", value)
        case list() | tuple():
            return [_without_secrets(one) for one in value]
        case _:  # its JSON would show all fields; its repr hides secret ones
            return _without_secret_text(repr(value))


def _without_secret_text(text: str) -> str:
    # Each request logs a line, and this test is ten times as fast as the regular expression.
    if len(text) < _SEED and "@" not in text and "eyJ" not in text and "earer " not in text:
        return text
    return _SECRET_TEXT.sub(REDACTED, text)


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def request_id(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Add the current request's id, and its trace id if it is traced; a structlog processor."""
    if (current := context.current()) is not None:
        event.setdefault("request_id", current.request_id)
        if current.span is not None:
            event.setdefault("trace_id", current.span.trace_id)
    return event


def _placed(place: Mapping[str, str], _logger: object, method: str, event: EventDict) -> EventDict:
    seconds, microseconds = divmod(time.time_ns() // 1000, 1_000_000)
    event["level"] = "error" if method == "exception" else method
    event["timestamp"] = f"{_to_the_second(seconds)}.{microseconds:06}Z"
    return {**place, **event}


@lru_cache(maxsize=1)  # each request logs a line
def _to_the_second(unix: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(unix))


# Without local variables, which structlog logs by default: they may hold passwords and tokens.
_as_dicts = structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))


def exceptions(logger: object, method: str, event: EventDict) -> EventDict:
    """Render an exception as data; a structlog processor."""
    if "exc_info" not in event:
        return event
    event = _as_dicts(logger, method, event)
    if "exception" in event:
        event["exception"] = _without_secrets(event["exception"])
    return event


def printable(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Escape what a terminal would obey; a structlog processor. Paths and errors carry untrusted text."""
    return {name: escaped(value) if isinstance(value, str) else value for name, value in event.items()}


def _write_exception(out: TextIO, exc_info: ExcInfo) -> None:
    """Write an exception for people."""
    text = StringIO()
    structlog.dev.plain_traceback(text, exc_info)
    lines = _without_secret_text(text.getvalue()).split("\n")
    out.write("\n".join(map(escaped, lines)))


def as_json(_logger: object, _method: str, event: EventDict) -> bytes:
    """Render the line as JSON; a structlog processor. It is fast, since each request logs a line.

    Characters that JSON allows and a terminal obeys are escaped too: people read logs with `tail` and `kubectl logs`.
    """
    try:
        line = to_json(event, fallback=repr, inf_nan_mode="constants")
    except PydanticSerializationError:  # text that UTF-8 cannot encode
        line = json.dumps(event, default=repr).encode()
    return line if line.isascii() and _DELETE not in line else escaped(line.decode()).encode()
