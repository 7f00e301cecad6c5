"""The stream FEED in memory: it stores events, republishes them, and is read by direct get."""

import json
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from mesh.core.event import Event
from mesh.events.jetstream import FEED_PREFIX
from mesh.transport.base import Message
from mesh.transport.memory import MemoryBroker, MemoryTransport
from mesh.wire.names import CE_SUBJECT
from subjects import EVENTS_ORDERS_PLACED

_GET = "$JS.API.DIRECT.GET.FEED"


class FeedStream:
    """What the server does. Without `told` an event is stored, and lost on its way to whoever listens."""

    def __init__(self, broker: MemoryBroker) -> None:
        self.broker = broker
        self.stored: dict[int, Message] = {}
        self.reads = 0
        self._places = count(1)
        self._server = MemoryTransport(broker, "server")
        self._time = datetime(2026, 11, 30, tzinfo=UTC)

    async def start(self) -> None:
        """Answer whoever reads."""
        await self._server.subscribe(_GET, self._answer)

    def make_anew(self) -> None:
        """Begin again, empty."""
        self.stored.clear()
        self._places = count(1)

    def store(
        self,
        event: Event[Any] = EVENTS_ORDERS_PLACED,
        user_id: str | None = "u1",
        order_id: int = 11078,
        *,
        payload: bytes | None = None,
        told: bool = True,
    ) -> int:
        """Store an event. Returns its place."""
        place = next(self._places)
        self._time += timedelta(seconds=1)
        headers = {
            CE_SUBJECT: str(order_id),
            "Nats-Subject": event.subject,
            "Nats-Sequence": str(place),
            "Nats-Time-Stamp": self._time.isoformat(),
        }
        body = json.dumps({"order_id": order_id, "user_id": user_id}).encode() if payload is None else payload
        message = self.stored[place] = Message(FEED_PREFIX + event.subject, body, headers)
        if told:
            self.broker.route(message)
        return place

    def _answer(self, asked: Message) -> None:
        self.reads += 1
        request = json.loads(asked.payload)
        if "last_by_subj" in request:
            found = list(self.stored.values())[-1:]
            ends = "404"
        else:
            found = [one for place, one in self.stored.items() if place >= request["seq"]][: request["batch"]]
            ends = "204" if found else "404"
        for message in found:
            self.broker.route(message._replace(subject=asked.reply))
        if not found or "batch" in request:
            self.broker.route(Message(asked.reply, b"", {"Status": ends}))
