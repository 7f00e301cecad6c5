"""The subscriptions of one worker: discovery while it lives, its endpoints while it can serve them."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Final

import structlog

from mesh.core.errors import Refused
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
        self._discovery: Mapping[str, Deliver] = {}
        self._discoverable: dict[str, Subscription] = {}
        self._endpoints: Mapping[str, Deliver] = {}
        self._active: dict[str, Subscription] = {}
        self._refused: str | None = None
        self._pause_reason: str | None = None
        self._limit: str | None = None

    @property
    def ready(self) -> bool:
        """Whether all endpoints are subscribed, and nothing keeps the instance from serving them."""
        return bool(self._discovery or self._endpoints) and self._absence is None

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
        return self._pause_reason or self._pool.conflict or self._lacking

    @property
    def _lacking(self) -> str | None:
        """Why not all endpoints are subscribed; None if they are."""
        if (refused := next(iter(_withdrawn(self._active)), self._refused)) is not None:
            return f"{STARTING}: NATS refuses {refused}"
        return STARTING if self._endpoints.keys() - self._active.keys() else None

    async def start(self, discovery: Mapping[str, Deliver], endpoints: Mapping[str, Deliver]) -> None:
        """Subscribe to discovery alone, and to the endpoints in the queue group. Raises Refused, Disconnected."""
        async with self._lock:
            self._discovery, self._endpoints = discovery, endpoints  # first: it is not ready until all are subscribed
            await self._discover()
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

        Call it again and again: it leaves the group while NATS refuses a subscription, and rejoins afterwards.
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
            before = self._refused
            with suppress(Refused):  # discovery says so, and the next call retries
                await self._apply()
            if before is None and self._refused is not None:
                log.error("service_refused", subject=self._refused)
            elif before is not None and self._refused is None:
                log.info("service_subscribed")
            with suppress(Refused):
                await self._discover()

    async def end(self) -> None:
        """Unsubscribe from everything, for good."""
        async with self._lock:
            self._discovery = self._endpoints = {}
            endpoints = _drained(self._active, [*self._active])
            await asyncio.gather(endpoints, _drained(self._discoverable, [*self._discoverable]))

    async def _apply(self) -> None:
        """Subscribe and unsubscribe until the subscriptions match the state. Raises Refused, Disconnected.

        If NATS refuses one endpoint, the instance serves none. The next call tries that one first: the others would
        join the queue group and leave it each time.
        """
        wanted = self._endpoints if self._pause_reason is None else {}
        self._refused = next(iter(_withdrawn(self._active)), self._refused)
        leaving = [*self._active] if self._refused else [one for one in self._active if one not in wanted]
        await _drained(self._active, leaving)
        for subject in sorted(wanted.keys() - self._active.keys(), key=lambda one: one != self._refused):
            try:
                self._active[subject] = await self._transport.subscribe(subject, wanted[subject], QUEUE_GROUP)
            except Refused:
                self._refused = subject
                await _drained(self._active, [*self._active])
                raise
        if wanted:
            self._refused = None

    async def _discover(self) -> None:
        """Subscribe to what of discovery is not subscribed. Raises Refused, Disconnected."""
        await _drained(self._discoverable, _withdrawn(self._discoverable))
        for subject in self._discovery.keys() - self._discoverable.keys():
            self._discoverable[subject] = await self._transport.subscribe(subject, self._discovery[subject])


def _withdrawn(subscriptions: Mapping[str, Subscription]) -> list[str]:
    """The subjects that NATS has refused since they were subscribed."""
    return [subject for subject, one in subscriptions.items() if one.refused]


async def _drained(subscriptions: dict[str, Subscription], subjects: Iterable[str]) -> None:
    """Take these subjects out, and unsubscribe from them."""
    await asyncio.gather(*[subscriptions.pop(subject).drain() for subject in subjects])
