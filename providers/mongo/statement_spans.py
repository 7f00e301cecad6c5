"""Records the commands of a traced request on its span: their shape and time, and never a value (ADR 43)."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from pymongo import monitoring

from providers.terms import StatementSpan

_LONGEST: Final = 2000
"""Characters of a text. A longer one is cut."""
_DEEPEST: Final = 10
_RECORDED: Final = frozenset(
    (
        *("aggregate", "count", "delete", "distinct", "find", "findAndModify", "getMore", "insert", "update"),
        *("abortTransaction", "commitTransaction"),
    )
)
_SHOWN: Final = ("query", "filter", "q", "update", "u", "updates", "deletes", "pipeline", "sort", "projection", "limit")
"""The parts of a command that say what it does. The rest is documents, and the driver's own."""


class StatementSpans(monitoring.CommandListener):
    """Hears of every command of a client, in the context of the task that runs it. Several threads call it."""

    def __init__(self, span: Callable[[], StatementSpan | None]) -> None:
        """`span` returns the span of the current task, or None."""
        self._span = span
        self._running: dict[int, dict[str, str]] = {}
        """The attributes of each command that a span waits for, by the driver's number."""

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """Remember the text: the other events do not have it."""
        if event.command_name in _RECORDED and self._span() is not None:
            self._running[event.request_id] = {
                "db.system.name": "mongodb",
                "db.operation.name": event.command_name,
                "db.collection.name": _collection(event.command),
                "db.query.text": text(event.command),
            }

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Record it."""
        self._record(event, None)

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Record it with the server's code."""
        failure: Mapping[str, Any] = event.failure
        self._record(event, str(failure.get("code") or failure.get("codeName") or "error"))

    def _record(
        self, event: monitoring.CommandSucceededEvent | monitoring.CommandFailedEvent, failure: str | None
    ) -> None:
        about = self._running.pop(event.request_id, None)
        if about is not None and (span := self._span()) is not None:
            ended = time.time_ns()
            span.statement(about, ended - event.duration_micros * 1000, ended, failure)


def text(command: Mapping[str, Any]) -> str:
    """The command as JSON, with `?` for each value. Numbers within field names become `?` too."""
    name = next(iter(command), "")
    parts = {part: _shape(command[part]) for part in _SHOWN if part in command and part != name}
    shown = {name: _collection(command), **parts}
    return json.dumps(shown)[:_LONGEST]


def _collection(command: Mapping[str, Any]) -> str:
    """The first value names the collection; that of `getMore` is a cursor."""
    first = command.get("collection", next(iter(command.values()), ""))
    return first if isinstance(first, str) else ""


def _shape(value: object, depth: int = 0) -> object:
    if depth >= _DEEPEST:
        return "?"
    if isinstance(value, Mapping):
        return {_name(str(name)): _shape(one, depth + 1) for name, one in value.items()}
    if isinstance(value, list) and any(isinstance(one, Mapping | list) for one in value):
        return [_shape(one, depth + 1) for one in value]
    return "?"


def _name(field: str) -> str:
    """The name of a field. One that is no plain name is a value, such as the id in a map by id."""
    parts = field.split(".")
    return ".".join(part if part.removeprefix("$").replace("_", "").isalpha() else "?" for part in parts)
