"""Which subjects one instance takes: discovery for as long as it lives, its endpoints while it can serve them."""

import asyncio
from collections.abc import Mapping

import structlog

from mesh.transport.base import Deliver, Subscription, Transport
from mesh.wire.discovery import LONGEST_REASON
from mesh.wire.names import QUEUE_GROUP

log = structlog.get_logger()


class Membership:
    """An instance's subscriptions. Of what changes them one at a time takes effect, and none after `leave`.

    To leave a subject loses nothing: on return all that was routed here is in, and the server routes nothing more.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._changing = asyncio.Lock()
        self._discovery: list[Subscription] = []
        self._wanted: Mapping[str, Deliver] = {}
        self._joined: dict[str, Subscription] = {}
        self._absent: str | None = None
        self._lack: str | None = None

    @property
    def metadata(self) -> dict[str, str]:
        """What discovery tells of it; ADR-32 wants strings."""
        told = {"ready": "true" if self._absent is None else "false"}
        if (reason := self._absent or self._lack) is not None:
            told["reason"] = reason[:LONGEST_REASON]
        if self._transport.reconnects:
            told["reconnects"] = str(self._transport.reconnects)
        return told

    async def join(self, discovery: Mapping[str, Deliver], endpoints: Mapping[str, Deliver]) -> None:
        """Take discovery by oneself, and the endpoints in the queue group. Raises Refused, Disconnected."""
        async with self._changing:
            for subject, deliver in discovery.items():
                self._discovery.append(await self._transport.subscribe(subject, deliver))
            self._wanted = endpoints
            await self._settle()

    async def pause(self, reason: str) -> None:
        """Leave the queue group to the other instances, and say why; whoever has left stays so."""
        async with self._changing:
            if self._absent is None:
                log.warning("service_paused", reason=reason)
            self._absent = reason
            await self._settle()

    async def resume(self, lack: str | None = None) -> None:
        """Be back in the queue group; whoever is there stays so. Raises Disconnected: to be tried again.

        `lack`: why not all requests can be served, None where they can.
        """
        async with self._changing:
            if self._absent is not None:
                log.info("service_resumed")
            if lack is not None and lack != self._lack:
                log.warning("service_limited", reason=lack)
            elif lack is None and self._lack is not None:
                log.info("service_unlimited")
            self._absent, self._lack = None, lack
            await self._settle()

    async def leave(self) -> None:
        """End all of it for good."""
        async with self._changing:
            self._wanted = {}
            await asyncio.gather(self._settle(), *(one.drain() for one in self._discovery))
            self._discovery.clear()

    async def _settle(self) -> None:
        """Have the subscriptions that are wanted now, and no others."""
        wanted = self._wanted if self._absent is None else {}
        leaving = [self._joined.pop(subject) for subject in [*self._joined] if subject not in wanted]
        await asyncio.gather(*(one.drain() for one in leaving))
        for subject in wanted.keys() - self._joined.keys():
            self._joined[subject] = await self._transport.subscribe(subject, wanted[subject], QUEUE_GROUP)
