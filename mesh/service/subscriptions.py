"""The subscriptions of one worker: discovery while it lives, its endpoints while it can serve them."""

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog

from mesh.service.pool import Pool
from mesh.transport.base import Deliver, Subscription, Transport
from mesh.wire.discovery import LONGEST_REASON, SHARED
from mesh.wire.names import QUEUE_GROUP

log = structlog.get_logger()

STARTING: Final = "not all endpoints are subscribed yet"


class Subscriptions:
    """A worker's subscriptions. Changes run one at a time, and none takes effect after `end`.

    Unsubscribing loses no message: on return everything routed here has been delivered, and the server routes no more.
    """

    def __init__(self, transport: Transport, pool: Pool) -> None:
        self._transport = transport
        self._pool = pool
        self._lock = asyncio.Lock()
        self._discovery: list[Subscription] = []
        self._endpoints: Mapping[str, Deliver] = {}
        self._active: dict[str, Subscription] = {}
        self._pause_reason: str | None = None
        self._limit: str | None = None

    @property
    def ready(self) -> bool:
        """Whether all endpoints are subscribed, and nothing keeps the instance from serving them."""
        return bool(self._endpoints) and self._absence is None

    @property
    def metadata(self) -> dict[str, str]:
        """The instance's metadata in discovery; ADR-32 requires strings."""
        absence = self._absence
        metadata = {"ready": "true" if absence is None else "false"}
        if self._pool.kind != SHARED:
            metadata["pool"] = self._pool.kind
        if (reason := absence or self._limit) is not None:
            metadata["reason"] = reason[:LONGEST_REASON]
        if self._transport.reconnects:
            metadata["reconnects"] = str(self._transport.reconnects)
        return metadata

    @property
    def _absence(self) -> str | None:
        """Why it does not serve; None if it does."""
        subscribing = STARTING if self._endpoints.keys() - self._active.keys() else None
        return self._pause_reason or self._pool.conflict or subscribing

    async def start(self, discovery: Mapping[str, Deliver], endpoints: Mapping[str, Deliver]) -> None:
        """Subscribe to discovery alone, and to the endpoints in the queue group. Raises Refused, Disconnected."""
        async with self._lock:
            self._endpoints = endpoints  # first: discovery answers "not ready" until all are subscribed
            for subject, deliver in discovery.items():
                self._discovery.append(await self._transport.subscribe(subject, deliver))
            await self._apply()

    async def pause(self, reason: str) -> None:
        """Leave the queue group, so that other instances serve, and publish the reason. Idempotent."""
        async with self._lock:
            if self._pause_reason is None:
                log.warning("service_paused", reason=reason)
            self._pause_reason = reason
            await self._apply()

    async def resume(self, limit: str | None = None) -> None:
        """Rejoin the queue group. Idempotent. Raises Disconnected; the caller should retry.

        `limit` says why some requests cannot be served; None means that all can.
        """
        async with self._lock:
            if self._pause_reason is not None:
                log.info("service_resumed")
            if limit is not None and limit != self._limit:
                log.warning("service_limited", reason=limit)
            elif limit is None and self._limit is not None:
                log.info("service_unlimited")
            self._pause_reason, self._limit = None, limit
            await self._apply()

    async def end(self) -> None:
        """Unsubscribe from everything, for good."""
        async with self._lock:
            self._endpoints = {}
            await asyncio.gather(self._apply(), *(one.drain() for one in self._discovery))
            self._discovery.clear()

    async def _apply(self) -> None:
        """Subscribe and unsubscribe until the subscriptions match the state."""
        wanted = self._endpoints if self._pause_reason is None else {}
        leaving = [self._active.pop(subject) for subject in [*self._active] if subject not in wanted]
        await asyncio.gather(*(one.drain() for one in leaving))
        for subject in wanted.keys() - self._active.keys():
            self._active[subject] = await self._transport.subscribe(subject, wanted[subject], QUEUE_GROUP)
