"""Events on the wire: CloudEvents 1.0 in NATS's binary mode, attributes in headers and the bare payload as body."""

import re
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid4, uuid5

from mesh.core import context
from mesh.core.event import MAX_DURABLE, Event, Payload
from mesh.wire import names
from mesh.wire.headers import UNREADABLE

_SPECVERSION: Final = "1.0"
_LONGEST: Final = 256
"""Characters of an attribute."""
_TRACEPARENT: Final = "traceparent"
_ATTRIBUTE = re.compile(r"[!-~]([ -~]{0,254}[!-~])?")


class Misfit(Exception):
    """A message can never be understood. `reason` is for programs, `detail` for people."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class CloudEvent(NamedTuple):
    """The attributes of a received event."""

    id: str
    """A UUID in its canonical form."""
    type: str
    """The event's name: its subject without `events.`."""
    source: str
    """`/<service>`."""
    subject: str
    """The id of the aggregate that changed; empty if its publisher names none."""
    time: str
    """When it happened, in RFC 3339; empty if its publisher does not set it."""


class Outgoing(NamedTuple):
    """An event that is ready to be sent."""

    id: UUID
    headers: dict[str, str]
    body: bytes


_handled: ContextVar[CloudEvent | None] = ContextVar("mesh_handled_event", default=None)


def handled() -> CloudEvent | None:
    """The event that this task handles; None outside of a handler."""
    return _handled.get()


def begin(event: CloudEvent) -> None:
    """Set the event that the rest of this task handles."""
    _handled.set(event)


def next_id(event: Event[Any], aggregate: str) -> UUID:
    """The id of an event that is about to be published.

    Within a handler it follows from the handled event, the type and the aggregate. So a handler that runs again
    publishes the same event. Elsewhere it is random.
    """
    cause = _handled.get()
    return uuid4() if cause is None else uuid5(UUID(cause.id), f"{event.type} {aggregate}")


def compose(event: Event[Payload], payload: Payload, aggregate: str, event_id: UUID | None = None) -> Outgoing:
    """The event with its headers: those of CloudEvents, the request id and the trace of what causes it.

    The default id is `next_id`.

    Raises ValueError for an aggregate that no header can carry, and for a payload over 192 KiB.
    """
    body = payload.model_dump_json().encode()
    if len(body) > MAX_DURABLE:
        raise ValueError(f"{event.subject}: a payload of {len(body)} bytes is over the limit of {MAX_DURABLE}")
    if not _ATTRIBUTE.fullmatch(aggregate):
        raise ValueError(f"{event.subject}: an aggregate's id is 1 to {_LONGEST} printable ASCII characters")
    if event_id is None:
        event_id = next_id(event, aggregate)
    current = context.current()
    headers = {
        names.CE_SPECVERSION: _SPECVERSION,
        names.CE_ID: str(event_id),
        names.CE_TYPE: event.type,
        names.CE_SOURCE: f"/{event.service}",
        names.CE_SUBJECT: aggregate,
        names.CE_TIME: datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        names.CONTENT_TYPE: names.JSON,
        names.MESSAGE_ID: str(event_id),
        names.REQUEST_ID: context.request_id_from(None if current is None else current.request_id),
    }
    if current is not None:
        span = current.span
        trace = current.trace if span is None else span.created(current, event.subject, str(event_id))
        if _TRACEPARENT in trace:
            headers[_TRACEPARENT] = trace[_TRACEPARENT]
    return Outgoing(event_id, headers, body)


def read(headers: Mapping[str, str]) -> CloudEvent:
    """The attributes in the headers of a message. Raises Misfit, with reason `no_cloud_event`."""
    if UNREADABLE in headers:
        raise Misfit("no_cloud_event", f"the message has {headers[UNREADABLE]}")
    if (version := headers.get(names.CE_SPECVERSION)) != _SPECVERSION:
        said = "has no ce-specversion" if version is None else "has a ce-specversion other than 1.0"
        raise Misfit("no_cloud_event", f"the message {said}")
    content_type = headers.get(names.CONTENT_TYPE, names.JSON).partition(";")[0].strip().lower()
    if content_type != names.JSON:
        raise Misfit("no_cloud_event", f"the content type is not {names.JSON}")
    return CloudEvent(
        _uuid(_attribute(headers, names.CE_ID)),
        _attribute(headers, names.CE_TYPE),
        _attribute(headers, names.CE_SOURCE),
        headers.get(names.CE_SUBJECT, "")[:_LONGEST],
        headers.get(names.CE_TIME, "")[:_LONGEST],
    )


def _attribute(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name, "")
    if not _ATTRIBUTE.fullmatch(value):
        raise Misfit("no_cloud_event", f"{name} is missing, or not 1 to {_LONGEST} printable ASCII characters")
    return value


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise Misfit("no_cloud_event", "ce-id is not a UUID") from None
