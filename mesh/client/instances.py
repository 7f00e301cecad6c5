"""Monitors the instances of each service: whether a second one exists, and whether one was lost."""

import asyncio
from asyncio import get_running_loop
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from functools import partial
from math import inf
from typing import Final

from mesh.core.errors import MeshError
from mesh.core.reading import Unreadable
from mesh.transport.base import Message, Transport
from mesh.wire.discovery import MAX_DOCUMENTS, InstanceDocument, Neighbour, Roster, read_ping

EVERY: Final = 0.5
"""Seconds between two polls, and so the time that an instance has to reply."""
_SUSPECT = 6.0
"""Seconds for which a loss counts: NATS may still pick a frozen instance, and a request may wait for it."""


class Instances:
    """Polls services with ADR-32's PING twice a second, in a background task.

    Each service has its own inboxes, so that no service can reply for another. Each poll has new ones: NATS allows an
    instance one reply per inbox.
    """

    def __init__(self, transport: Transport, services: Iterable[str]) -> None:
        self._transport = transport
        self._services = {name: _ServiceInstances(transport.inbox()) for name in services}
        self._polls = 0

    def several(self, service: str) -> bool:
        """Whether a second instance exists, by the last poll or a moment ago."""
        return self._services[service].several

    def lost(self, service: str) -> bool:
        """Whether requests may be lost: an instance fell silent or reconnected a moment ago, or all are silent."""
        return self._services[service].lost

    @asynccontextmanager
    async def monitored(self) -> AsyncIterator[None]:
        """Poll while the context is open."""
        polling = asyncio.create_task(self._poll(), name="instances")
        try:
            yield
        finally:
            polling.cancel()
            await asyncio.wait({polling})

    async def _poll(self) -> None:
        while True:
            for service, seen in self._services.items():
                seen.settle(get_running_loop().time())
                try:
                    await self._ask(service, seen)
                except MeshError:
                    """NATS is away, so nobody replies: the next poll decides."""
            self._polls += 1
            await asyncio.sleep(EVERY)

    async def _ask(self, service: str, seen: "_ServiceInstances") -> None:
        if not seen.listening:
            await self._transport.subscribe(f"{seen.inbox}.*", partial(seen.on_reply, service))
            seen.listening = True
        await self._transport.publish(f"$SRV.PING.{service}", seen.roster, reply=f"{seen.inbox}.{self._polls}")


class _ServiceInstances:
    """The known instances of one service."""

    def __init__(self, inbox: str) -> None:
        self.inbox = inbox
        self.listening = False
        self.several = False
        self.lost = True
        self.roster = b""
        """The ready instances, for the instances themselves; empty until the first poll is over."""
        self._polled = False
        self._known: dict[str, InstanceDocument] = {}
        self._suspect_until = -inf
        self._answers: dict[str, InstanceDocument] = {}

    def on_reply(self, service: str, message: Message) -> None:
        """Record an instance's reply; ignore an invalid one."""
        if not message.payload or len(self._answers) >= MAX_DOCUMENTS:
            return  # "no responders" has no payload
        with suppress(Unreadable):
            document = read_ping(message.payload)
            if document.name == service:
                self._answers[document.id] = document

    def settle(self, now: float) -> None:
        """Evaluate the replies since the last poll."""
        answers, self._answers = self._answers, {}
        if not all(name in answers and answers[name].reconnects == was.reconnects for name, was in self._known.items()):
            self._suspect_until = now + _SUSPECT
        self._known = answers
        if self._polled:
            ready = (Neighbour(id=one.id, pool=one.pool) for one in answers.values() if one.ready)
            self.roster = Roster(instances=tuple(ready)).model_dump_json().encode()
        self._polled = self.listening
        suspect = now < self._suspect_until
        self.several = suspect or sum(document.ready for document in answers.values()) > 1
        self.lost = suspect or not answers
