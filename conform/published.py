"""Stands in for the stream of what the service under test publishes: hears each durable event and acknowledges it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from conform.bus import Bus
from conform.shapes import compact
from mesh.transport.base import Message
from mesh.wire.names import REQUEST_ID


@dataclass
class _Watch:
    unanswered: int
    heard: list[Message] = field(default_factory=list)


class Published:
    """Acknowledges the durable events of one service, from its start until the connection closes."""

    def __init__(self, bus: Bus, service: str) -> None:
        self._bus = bus
        self._service = service
        self._watches: dict[str, _Watch] = {}
        self._sequence = count(1)

    async def start(self) -> None:
        """Listen. The bus must be private: a real stream would acknowledge too."""
        await self._bus.transport.subscribe(f"events.{self._service}.>", self._store)

    @contextmanager
    def caused_by(self, request_id: str, unanswered: int = 0) -> Iterator[list[Message]]:
        """The events of this request, as they come. So many of them are not acknowledged."""
        watch = self._watches[request_id] = _Watch(unanswered)
        try:
            yield watch.heard
        finally:
            del self._watches[request_id]

    def _store(self, message: Message) -> None:
        watch = self._watches.get(message.headers.get(REQUEST_ID, ""))
        if watch is not None:
            watch.heard.append(message)
            if len(watch.heard) <= watch.unanswered:
                return
        if message.reply:
            self._bus.publish(message.reply, compact({"stream": "EVENTS", "seq": next(self._sequence)}))
