"""Events: a service publishes one to all subscribers, without a reply."""

import re
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

Payload = TypeVar("Payload", bound=BaseModel)

_SUBJECT = re.compile(r"events\.[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")


@dataclass(frozen=True, eq=False)
class Event(Generic[Payload]):
    """A subject `events.<service>.<what_happened>` with the type of its payload.

    NATS delivers an event at most once. A subscriber that must not miss one also requests the state after a reconnect.
    A durable event is stored in a stream, and handled at least once by each process that handles it.
    """

    subject: str
    payload: type[Payload]
    durable: bool = False

    def __post_init__(self) -> None:
        if not _SUBJECT.fullmatch(self.subject):
            raise ValueError(f"not the subject of an event: {self.subject!r}")
