"""Events: a service publishes one to all subscribers, without a reply."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Generic, TypeVar

from pydantic import BaseModel

from mesh.core.reading import Reader

Payload = TypeVar("Payload", bound=BaseModel)

MAX_DURABLE: Final = 192 * 1024
"""Bytes of a durable event's payload: the stream takes messages of 256 KiB, headers included."""
_PREFIX = "events."
_SUBJECT = re.compile(r"events\.[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")


@dataclass(frozen=True, eq=False)
class Event(Generic[Payload]):
    """A subject `events.<service>.<what_happened>` with the type of its payload.

    NATS delivers an event at most once. A subscriber that must not miss one also requests the state after a reconnect.
    A durable event is stored in a stream, and handled at least once by each process that handles it.
    A durable event that is `shown` also goes to the user whom its payload names as `user_id`, and to administrators.
    """

    subject: str
    payload: type[Payload]
    durable: bool = False
    handled_by: tuple[str, ...] = ()
    """The services that handle it: the start of each fails without a handler."""
    shown: bool = False

    def __post_init__(self) -> None:
        if not _SUBJECT.fullmatch(self.subject):
            raise ValueError(f"not the subject of an event: {self.subject!r}")
        if self.handled_by and not self.durable:
            raise ValueError(f"{self.subject} is not durable, so no service handles it")
        if self.shown and not (self.durable and "user_id" in self.payload.model_fields):
            raise ValueError(f"{self.subject}: only a durable event with a user_id can be shown")

    @cached_property
    def service(self) -> str:
        """The service that publishes it: the second token."""
        return self.subject.split(".")[1]

    @cached_property
    def type(self) -> str:
        """Its name on the wire, the CloudEvents attribute `type`: the subject without `events.`."""
        return self.subject.removeprefix(_PREFIX)

    @cached_property
    def read(self) -> Reader[Payload]:
        """How a handler reads the payload of a durable event."""
        return Reader(self.payload, MAX_DURABLE)
