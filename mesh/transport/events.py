"""Publishes events and subscribes to them: at most once, for every process that subscribes."""

from collections.abc import Callable
from typing import Final

import structlog

from mesh.core.errors import Disconnected
from mesh.core.event import Event, Payload
from mesh.core.reading import Reader, Unreadable
from mesh.transport.base import Message, Subscription, Transport

log = structlog.get_logger()

MAX_EVENT: Final = 400 * 1024
"""Bytes of an event's payload; a longer event is ignored."""


async def publish(transport: Transport, event: Event[Payload], payload: Payload) -> None:
    """Publish the event. If disconnected, the event is lost; this is logged and raises nothing."""
    try:
        await transport.publish(event.subject, payload.model_dump_json().encode())
    except Disconnected as error:
        log.warning("event_not_sent", subject=event.subject, error=str(error))


async def subscribe(transport: Transport, event: Event[Payload], deliver: Callable[[Payload], None]) -> Subscription:
    """Deliver each event to this process. Raises Refused, Disconnected."""
    read = Reader(event.payload, MAX_EVENT)

    def read_and_deliver(message: Message) -> None:
        try:
            payload = read(message.payload)
        except Unreadable as error:
            log.warning("event_unreadable", subject=message.subject, error=str(error))
        else:
            deliver(payload)

    return await transport.subscribe(event.subject, read_and_deliver)
