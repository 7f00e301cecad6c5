"""A line of a process's log: read, filtered and shown."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
_TIME: Final = re.compile(r"\d{4}[-/]\d\d[-/]\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d{1,6})?")
"""Times that servers write, in UTC here: PostgreSQL's, nats-server's and mongod's."""
_NOT_SHOWN: Final = {"event", "level", "timestamp", "process", "service", "instance"}
"""Shown in front of the others, or told by the name of the process."""


@dataclass(frozen=True)
class Line:
    """One line. `fields` is empty for a line that is not JSON."""

    process: str
    at: float
    """Unix time; that of the line before for a line without a time."""
    text: str
    fields: Mapping[str, Any]

    @property
    def level(self) -> int:
        """Its severity. A line that does not say is as important as any."""
        return LEVELS.get(str(self.fields.get("level")), LEVELS["critical"])

    def document(self) -> str:
        """The line as JSON."""
        fields = {name: value for name, value in self.fields.items() if name != "process"}
        return json.dumps({"process": self.process, **(fields or {"text": self.text})}, ensure_ascii=False)


@dataclass(frozen=True)
class Wanted:
    """Which lines are wanted. Every filter must match."""

    request: str
    """A request id or a trace id; empty for every line."""
    since: float
    """Unix time."""
    level: int

    def may_match(self, text: str) -> bool:
        """Whether a text is worth reading."""
        return self.request in text

    def match(self, line: Line) -> bool:
        """Whether a line is wanted."""
        return line.at >= self.since and line.level >= self.level


def read(process: str, text: str, before: float) -> Line:
    """The line in a text. `before` is the time of the line before."""
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        fields = {}
    if not (isinstance(fields, dict) and "event" in fields):
        fields = {}
    found = _TIME.search(str(fields.get("timestamp", "")) or text[:100])
    return Line(process, _unix(found[0]) or before if found else before, text, fields)


def shown(line: Line) -> str:
    """The line for people: time in UTC, level, process, event, and the other fields."""
    if not line.fields:
        return f"{line.process:14} {line.text}"
    moment = datetime.fromtimestamp(line.at, UTC)
    others = " ".join(f"{name}={_value(value)}" for name, value in line.fields.items() if name not in _NOT_SHOWN)
    level, event = line.fields.get("level", ""), line.fields["event"]
    when = f"{moment:%m-%d %H:%M:%S}.{moment.microsecond // 1000:03}"
    return f"{when} {level:8} {line.process:14} {event}  {others}".rstrip()


def _value(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return json.dumps(text, ensure_ascii=False) if " " in text and isinstance(value, str) else text


def _unix(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text.replace("/", "-").replace(",", ".")).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
