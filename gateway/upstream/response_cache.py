"""Keeps finished responses in memory, so that public reads which seldom change need no worker (ADR 35)."""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, NamedTuple

import structlog
from starlette.responses import Response

from mesh.core.errors import MeshError
from mesh.core.event import Event
from mesh.core.loop_time import LoopTime
from mesh.transport.base import Message, Transport
from mesh.wire.names import CE_SUBJECT

log = structlog.get_logger()

MAX_AGE: Final = 10.0
"""Seconds after which a response is not used any more, counted from the request to the worker."""
OVERHEAD: Final = 2048
"""Bytes that each slot counts besides its response. So the limit of bytes also limits the number of slots."""
_AGAIN: Final = 1.0
"""Seconds between two attempts to subscribe."""

Target = tuple[str, bytes]
"""The path and the query of a request."""
Respond = Callable[[], Coroutine[Any, Any, Response]]


class Concern(NamedTuple):
    """What a response is about: the key of an aggregate, or None for a list of them."""

    service: str
    key: str | None


class Stored(NamedTuple):
    """A finished response, to be sent as it is."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    route: object
    """For the access log."""
    asked_at: float
    """When the worker was asked, in seconds of the cache's clock."""
    copies: dict[bytes, bytes]
    """Compressed bodies by content coding, made when a client first wants one."""


@dataclass(slots=True, eq=False)
class _Slot:
    """A response, or the one request in flight for it."""

    concern: Concern
    route: object
    asked_at: float
    connection: int
    """The transport's `reconnects` when the worker was asked."""
    reading: asyncio.Task[Response]
    stored: Stored | None = None
    size: int = OVERHEAD


@dataclass
class CacheStats:
    """Counts since the start."""

    reads: Counter[str] = field(default_factory=Counter)
    """Requests: `hit`, `miss`, or `joined` for one that waited for the miss of another."""
    drops: Counter[str] = field(default_factory=Counter)
    """Responses dropped: by `event`, `write`, `age`, `room`, or `connection`."""


class ResponseCache:
    """Responses by target, the least recently used first, within `size` bytes. 0 turns the cache off.

    It answers only while it is certain to receive events: from the subscription on, until the connection is lost. A
    slot exists from the request to the worker on. A change removes it, so that a reply which was underway meanwhile is
    not kept, and nobody who asks after the change joins an older request. Events arrive at most once: no response is
    older than MAX_AGE.
    """

    def __init__(
        self,
        transport: Transport,
        events: Iterable[Event[Any]],
        size: int,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """`clock` returns seconds that only grow; without one it is the event loop's."""
        self.stats = CacheStats()
        self.size = 0
        """Bytes in use."""
        self._transport = transport
        self._events = tuple(events)
        self._most = size
        self._time = LoopTime(clock)
        self._slots: OrderedDict[Target, _Slot] = OrderedDict()
        self._targets: dict[Concern, set[Target]] = {}
        self._connection: int | None = None
        """The transport's `reconnects` since when no event is missing; None while that is unknown."""
        self._wanted = False
        self._heard: set[str] = set()
        self._subscribing: asyncio.Task[None] | None = None
        self._tried_at = float("-inf")

    def __len__(self) -> int:
        return len(self._slots)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Answer from memory meanwhile, if the size allows it. The subscription is tried until it succeeds."""
        self._wanted = self._most > 0
        if self._wanted:
            await self._subscribe()
        try:
            yield
        finally:
            self._wanted = False
            if self._subscribing is not None:
                self._subscribing.cancel()

    def find(self, target: Target) -> Stored | None:
        """The response to use now, if there is one."""
        slot = self._slots.get(target)
        if slot is None or not self.usable:
            return None
        if self._time.now() - slot.asked_at >= MAX_AGE:
            self._remove(target, "age")
            return None
        if slot.stored is None:
            return None
        self._slots.move_to_end(target)
        self.stats.reads["hit"] += 1
        return slot.stored

    def age(self, stored: Stored) -> int:
        """The whole seconds since the worker was asked."""
        return int(self._time.now() - stored.asked_at)

    @property
    def usable(self) -> bool:
        """Whether responses may be kept and used. If the connection was lost, everything is dropped."""
        if self._connection == self._transport.reconnects and self._transport.connected:
            return True
        self._drop_all()
        self._connection = None
        now = self._time.now()
        if self._wanted and self._transport.connected and now >= self._tried_at + _AGAIN:
            self._tried_at = now
            self._subscribing = asyncio.create_task(self._subscribe(), name="cache-subscribe")
        return False

    async def read(self, target: Target, concern: Concern, route: object, respond: Respond) -> Response:
        """The response of `respond`, which is called once for all who ask meanwhile. A success is kept.

        Call it while `usable`, after `find` found nothing. Raises what `respond` does, to everyone who waits.
        """
        slot = self._slots.get(target)
        if slot is None:
            self.stats.reads["miss"] += 1
            slot = self._ask(target, concern, route, respond)
        else:
            self.stats.reads["joined"] += 1
        return await asyncio.shield(slot.reading)  # one client that disconnects ends the request of no other

    def changed(self, service: str) -> None:
        """Drop what concerns the service: this gateway has sent it a write."""
        self._drop_service(service, "write")

    def _ask(self, target: Target, concern: Concern, route: object, respond: Respond) -> _Slot:
        reading = asyncio.create_task(respond(), name="cached-read")
        slot = _Slot(concern, route, self._time.now(), self._transport.reconnects, reading)
        self._slots[target] = slot
        self._targets.setdefault(concern, set()).add(target)
        self._count(OVERHEAD)
        reading.add_done_callback(partial(self._settle, target, slot))
        return slot

    def _settle(self, target: Target, slot: _Slot, reading: asyncio.Task[Response]) -> None:
        """Keep what the worker replied, unless something changed since it was asked."""
        if self._slots.get(target) is not slot:
            return
        failed = reading.cancelled() or reading.exception() is not None
        if not self.usable:
            return  # everything is dropped
        if failed or slot.connection != self._connection:
            self._remove(target, "connection")
        else:
            response = reading.result()
            slot.stored = Stored(
                response.status_code, response.raw_headers, bytes(response.body), slot.route, slot.asked_at, {}
            )
            more = 2 * len(response.body)  # the body, and room for its compressed copies
            slot.size += more
            self._count(more)

    def _count(self, more: int) -> None:
        self.size += more
        while self.size > self._most:
            self._remove(next(iter(self._slots)), "room")

    async def _subscribe(self) -> None:
        """Subscribe to what is not yet heard, and wait until the server knows all of it."""
        connection = self._transport.reconnects
        try:
            for event in self._events:
                if event.subject not in self._heard:
                    await self._transport.subscribe(event.subject, partial(self._take, event.service))
                    self._heard.add(event.subject)
            await self._transport.flush()
        except MeshError as error:
            log.warning("cache_not_used", error=str(error))
        else:
            self._connection = connection

    def _take(self, service: str, message: Message) -> None:
        """Drop the aggregate that has changed, and every list; without a known aggregate, everything of the service."""
        key = message.headers.get(CE_SUBJECT)
        if key is None:
            self._drop_service(service, "event")
            return
        self._drop(Concern(service, key), "event")
        self._drop(Concern(service, None), "event")

    def _drop_service(self, service: str, why: str) -> None:
        for concern in [concern for concern in self._targets if concern.service == service]:
            self._drop(concern, why)

    def _drop(self, concern: Concern, why: str) -> None:
        for target in tuple(self._targets.get(concern, ())):
            self._remove(target, why)

    def _drop_all(self) -> None:
        for target in tuple(self._slots):
            self._remove(target, "connection")

    def _remove(self, target: Target, why: str) -> None:
        slot = self._slots.pop(target)
        self.size -= slot.size
        targets = self._targets[slot.concern]
        targets.discard(target)
        if not targets:
            del self._targets[slot.concern]
        if slot.stored is not None:
            self.stats.drops[why] += 1
