"""An event that went by on NATS, as the console keeps it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from console.sources.reading import json_or
from mesh.core.terminal import escaped
from mesh.events.stored import Stored
from mesh.transport.base import Message

_LARGEST: Final = 64 * 1024
_SHOWN: Final = ("ce-id", "ce-type", "ce-source", "ce-subject", "ce-time", "X-Request-Id", "traceparent")
_TRACE_ID: Final = slice(3, 35)
_TRACEPARENT: Final = 55


@dataclass(frozen=True)
class Said:
    """One event."""

    at: float
    """Unix time at which the console heard it, or at which it was stored."""
    subject: str
    headers: Mapping[str, str]
    data: Any
    """Its payload; None if it is no JSON or too large."""

    @property
    def trace_id(self) -> str:
        """The trace of the request that caused it; empty if it was not traced."""
        parent = self.headers.get("traceparent", "")
        return parent[_TRACE_ID] if len(parent) == _TRACEPARENT else ""

    @property
    def order_id(self) -> int | None:
        """The order that it is about; None if it is about none."""
        found = self.data.get("order_id") if isinstance(self.data, dict) else None
        return found if isinstance(found, int) else None

    def document(self) -> dict[str, Any]:
        """The event as JSON."""
        return {**asdict(self), "trace_id": self.trace_id, "order_id": self.order_id}

    def text(self) -> Iterator[str]:
        """What a search looks through."""
        yield self.subject
        yield from self.headers.values()
        yield json.dumps(self.data)


def heard(message: Message, at: float) -> Said:
    """The event in a message."""
    return _said(at, message.subject, message.headers, message.payload)


def stored(message: Stored) -> Said:
    """The event in a stored message."""
    return _said(message.time.timestamp(), message.subject, message.headers, message.payload)


def _said(at: float, subject: str, headers: Mapping[str, str], payload: bytes) -> Said:
    shown = {name: escaped(headers[name][:300]) for name in _SHOWN if name in headers}
    data = json_or(payload, None) if len(payload) <= _LARGEST else None
    return Said(at, escaped(subject[:300]), shown, data)
