"""A service with events: its consumer and its relay start, pause and drain with its endpoints."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from mesh.events.consumer import EventConsumer
from mesh.events.relay import Relay
from mesh.service.service import Service


class EventService(Service):
    """A service that also handles events, sends them from an outbox, or both."""

    consumer: EventConsumer | None = None
    """Set it before `start`."""
    relay: Relay | None = None
    """Set it before `start`."""

    async def start(self) -> None:
        """Accept requests and events. Raises Refused if NATS forbids a subscription."""
        self.statistics = partial(self._with_events, self.statistics)
        if self.consumer is not None:
            self.consumer.tracer = self.tracer
        await super().start()
        if self.relay is not None:
            self.relay.tracer = self.tracer
            await self.relay.start()
        if self.consumer is not None:
            await self.consumer.start()

    async def pause(self, reason: str) -> None:
        """Leave requests and events to other instances until `resume`."""
        if self.consumer is not None:
            await self.consumer.pause()
        await super().pause(reason)

    async def resume(self, limit: str | None = None) -> None:
        """Accept requests and events again. Raises Disconnected."""
        await super().resume(limit)
        if self.consumer is not None:
            self.consumer.resume()

    async def drain(self) -> None:
        """Accept nothing new, finish what was accepted, then send what it has written to the outbox."""
        if self.consumer is None:
            await super().drain()
        else:
            await asyncio.gather(super().drain(), self.consumer.drain())
        if self.relay is not None:
            await self.relay.drain()

    def _with_events(self, statistics: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        consumed = {} if self.consumer is None else self.consumer.statistics()
        relayed = {} if self.relay is None else self.relay.statistics()
        return {**statistics(), "events": {**consumed, **relayed}}
