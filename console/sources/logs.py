"""A line of a process's log, as the console keeps it."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

SEVERITY: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}


@dataclass(frozen=True)
class Line:
    """One line."""

    at: float
    """Unix time."""
    level: str
    service: str
    instance: str
    event: str
    trace_id: str
    fields: Mapping[str, str | int | float | bool]

    @property
    def request_id(self) -> str:
        """The request that it belongs to; empty if to none."""
        return str(self.fields.get("request_id", ""))

    def document(self) -> dict[str, Any]:
        """The line as JSON."""
        return {**asdict(self), "request_id": self.request_id}

    def text(self) -> Iterator[str]:
        """What a search looks through."""
        yield self.event
        yield self.service
        yield from (f"{name}={value}" for name, value in self.fields.items())
