"""Hears each durable event of the service under test. On a private bus it acknowledges them in place of the stream."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from conform.bus import Bus
from conform.shapes import compact
from mesh.core.errors import Refused
from mesh.transport.base import Message
from mesh.wire.names import REQUEST_ID


@dataclass
class _Watch:
    unanswered: int
    heard: list[Message] = field(default_factory=list)


class Published:
    """Hears the durable events of one service, from its start until the connection closes."""

    def __init__(self, bus: Bus, service: str, *, acknowledges: bool) -> None:
        """`acknowledges`: there is no stream, which would acknowledge too."""
        self.deaf = ""
        """Why it hears nothing; empty if it hears."""
        self._bus = bus
        self._acknowledges = acknowledges
        self._service = service
        self._watches: dict[str, _Watch] = {}
        self._sequence = count(1)

    async def start(self) -> None:
        """Listen. If NATS does not allow it, `deaf` says so."""
        try:
            await self._bus.transport.subscribe(f"events.{self._service}.>", self._store)
        except Refused as why:
            self.deaf = str(why)

    @contextmanager
    def caused_by(self, request_id: str, unanswered: int = 0) -> Iterator[list[Message]]:
        """The events of this request, as they come. So many of them are not acknowledged, if the kit does that."""
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
        if self._acknowledges and message.reply:
            self._bus.publish(message.reply, compact({"stream": "EVENTS", "seq": next(self._sequence)}))
