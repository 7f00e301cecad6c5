"""Which instances of each service take requests: whether there is a second one to ask, and whether one was lost."""

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
from mesh.wire.discovery import MAX_DOCUMENTS, Document, read_ping

EVERY: Final = 0.5
"""Seconds between two looks, and so the time that an instance has to answer."""
_SUSPECT = 6.0
"""Seconds for which a lost instance matters: as long as NATS may still pick a frozen one, and a request wait for it."""


class Instances:
    """What the instances of some services answer to ADR-32's PING, asked twice a second beside the requests.

    Each service answers at inboxes of its own, so that none can answer in another's stead, and each look has new ones:
    NATS lets an instance answer once to each.
    """

    def __init__(self, transport: Transport, services: Iterable[str]) -> None:
        self._transport = transport
        self._services = {name: _Seen(transport.inbox()) for name in services}
        self._looks = 0

    def several(self, service: str) -> bool:
        """Whether there is a second instance to ask: of the last look, or one that a moment ago was there."""
        return self._services[service].several

    def lost(self, service: str) -> bool:
        """Whether an instance fell silent or connected anew a moment ago, or all are silent: requests may be lost."""
        return self._services[service].lost

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Look again and again meanwhile."""
        watching = asyncio.create_task(self._watch(), name="instances")
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.wait({watching})

    async def _watch(self) -> None:
        while True:
            for service, seen in self._services.items():
                seen.settle(get_running_loop().time())
                try:
                    await self._ask(service, seen)
                except MeshError:
                    """NATS is away, so that nobody answers: the next look tells."""
            self._looks += 1
            await asyncio.sleep(EVERY)

    async def _ask(self, service: str, seen: "_Seen") -> None:
        if not seen.listening:
            await self._transport.subscribe(f"{seen.inbox}.*", partial(seen.take, service))
            seen.listening = True
        await self._transport.publish(f"$SRV.PING.{service}", b"", reply=f"{seen.inbox}.{self._looks}")


class _Seen:
    """What is known of one service's instances."""

    def __init__(self, inbox: str) -> None:
        self.inbox = inbox
        self.listening = False
        self.several = False
        self.lost = True
        self._known: dict[str, Document] = {}
        self._suspect_until = -inf
        self._answers: dict[str, Document] = {}

    def take(self, service: str, message: Message) -> None:
        """Hear from an instance; what makes no sense is passed over."""
        if not message.payload or len(self._answers) >= MAX_DOCUMENTS:
            return  # that nobody is there comes without a payload
        with suppress(Unreadable):
            document = read_ping(message.payload)
            if document.name == service:
                self._answers[document.id] = document

    def settle(self, now: float) -> None:
        """Have the answers since the last time count."""
        answers, self._answers = self._answers, {}
        if not all(name in answers and answers[name].reconnects == was.reconnects for name, was in self._known.items()):
            self._suspect_until = now + _SUSPECT
        self._known = answers
        suspect = now < self._suspect_until
        self.several = suspect or sum(document.ready for document in answers.values()) > 1
        self.lost = suspect or not answers
