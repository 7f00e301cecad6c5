"""Events: what a service tells everybody who listens, once and without an answer."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import structlog
from pydantic import BaseModel

from mesh.bus import Message, Subscription, Transport
from mesh.errors import Disconnected
from mesh.reading import Reader, Unreadable

log = structlog.get_logger()

Payload = TypeVar("Payload", bound=BaseModel)

MAX_EVENT: Final = 400 * 1024
"""Bytes of an event's payload; a longer one is passed over."""
_SUBJECT = re.compile(r"events\.[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")


@dataclass(frozen=True, eq=False)
class Event(Generic[Payload]):
    """A subject `events.<service>.<what_happened>`, with the type of its payload.

    NATS delivers it at most once: whoever must not miss one asks for the state as well, after each reconnect.
    """

    subject: str
    payload: type[Payload]

    def __post_init__(self) -> None:
        if not _SUBJECT.fullmatch(self.subject):
            raise ValueError(f"not the subject of an event: {self.subject!r}")


async def tell(transport: Transport, event: Event[Payload], payload: Payload) -> None:
    """Publish the event. Without a connection nobody hears of it, which is logged and no error of the caller's."""
    try:
        await transport.publish(event.subject, payload.model_dump_json().encode())
    except Disconnected as error:
        log.warning("event_not_sent", subject=event.subject, error=str(error))


async def listen(transport: Transport, event: Event[Payload], take: Callable[[Payload], None]) -> Subscription:
    """Have `take` told of every event, in every process that listens. Raises Refused, Disconnected."""
    read = Reader(event.payload, MAX_EVENT)

    def deliver(message: Message) -> None:
        try:
            payload = read(message.payload)
        except Unreadable as error:
            log.warning("event_not_understood", subject=message.subject, error=str(error))
        else:
            take(payload)

    return await transport.subscribe(event.subject, deliver)
