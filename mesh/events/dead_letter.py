"""Dead letters: an event that cannot be handled is stored in a separate stream, with the reason."""

from collections.abc import Mapping
from typing import Final

from mesh.events.jetstream import Delivery
from mesh.transport.base import Message
from mesh.wire import names
from mesh.wire.headers import STATUS, UNREADABLE
from mesh.wire.problem import one_line

_LONGEST_DETAIL: Final = 500
"""Characters of `Dead-Detail`."""
_NOT_REPEATED: Final = ("nats-", STATUS.lower(), UNREADABLE)
"""A dead letter does not repeat headers with these prefixes. The server interprets them, or the message never had them."""


def dead_subject(service: str) -> str:
    """Where the dead letters of a service go."""
    return f"dead.{service}"


def retry_subject(service: str) -> str:
    """Where an operator sends a dead letter for another try."""
    return f"retry.{service}"


def dead_headers(service: str, message: Message, delivery: Delivery, reason: str, detail: str) -> dict[str, str]:
    """The headers of the dead letter: the original ones, and why the event is dead.

    The message id is the same however often the same try is reported. An ordered retry has one of its own.
    """
    event_id = message.headers.get(names.CE_ID, "")
    key = event_id if event_id and message.subject != retry_subject(service) else f"{event_id}:{delivery.sequence}"
    return {
        **_kept(message.headers),
        names.DEAD_REASON: reason,
        names.DEAD_DETAIL: one_line(detail[:_LONGEST_DETAIL]),
        names.DEAD_ATTEMPTS: str(delivery.attempt),
        names.DEAD_SUBJECT: message.subject,
        names.DEAD_SEQUENCE: str(delivery.sequence),
        names.MESSAGE_ID: one_line(f"{service}:{key}"),
    }


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if not name.lower().startswith(_NOT_REPEATED)}
