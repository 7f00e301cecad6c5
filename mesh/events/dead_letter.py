"""Dead letters: an event that cannot be handled is stored in a separate stream, with the reason."""

from collections.abc import Mapping
from typing import Final

from mesh.events.jetstream import Delivery
from mesh.transport.base import Message
from mesh.wire import names
from mesh.wire.headers import MAX_BYTES, MAX_COUNT, STATUS, UNREADABLE, encode
from mesh.wire.problem import one_line

_LONGEST_DETAIL: Final = 500
"""Characters of `Dead-Detail`."""
_NOT_REPEATED: Final = ("nats-", STATUS.lower(), UNREADABLE)
"""A dead letter repeats no header with these prefixes. The server interprets them, or the message never had them."""
_LONGEST_ID: Final = 256
_MOST: Final = MAX_COUNT - 16
_MOST_BYTES: Final = MAX_BYTES - 8 * 1024
"""What the original headers may have. The rest is for ours and for what the server adds: a letter must be readable."""
_LONGEST_VALUE: Final = 512


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
    event_id = message.headers.get(names.CE_ID, "")[:_LONGEST_ID]
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
    kept = {name: value for name, value in headers.items() if not name.lower().startswith(_NOT_REPEATED)}
    if len(kept) <= _MOST and len(encode(kept)) <= _MOST_BYTES:
        return kept
    return {name: value for name, value in kept.items() if name in names.NAMES and len(value) <= _LONGEST_VALUE}
