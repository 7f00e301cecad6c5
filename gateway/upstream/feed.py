"""Receives the events that users see, once for the whole gateway: in order, without gaps, by their position in FEED."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Annotated, Any, Final, NamedTuple

import structlog
from pydantic import BaseModel, ConfigDict, Field

from mesh.core.errors import MeshError, Unavailable
from mesh.core.event import MAX_DURABLE, Event
from mesh.core.reading import Reader, Unreadable
from mesh.events.jetstream import FEED, FEED_PREFIX
from mesh.events.stored import SEQUENCE, TIME, newest, read
from mesh.transport.base import Message, Transport
from mesh.wire.headers import UNREADABLE
from mesh.wire.names import CE_SUBJECT

log = structlog.get_logger()

_TICK: Final = 0.5
"""Seconds until a reconnect is noticed, and between attempts after a failure."""
_EVERY: Final = 15.0
"""Seconds until the loss of the latest event is noticed."""
_AGAIN: Final = 0.05
"""Seconds between reads while a replica of the stream lacks an event that was received."""
_ATTEMPTS: Final = 20
_AT_ONCE: Final = 4
"""Clients for whom missed events are read concurrently. Each read takes some milliseconds of CPU."""
_MOST_DIGITS: Final = 18


class _About(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    user_id: Annotated[str, Field(max_length=256)] | None = None


_about = Reader(_About, MAX_DURABLE)


class Shown(NamedTuple):
    """An event in the feed."""

    sequence: int
    time: datetime
    """When it was stored."""
    type: str
    """Empty for an event that cannot be read, or that is no longer shown. It still has its position."""
    aggregate: str
    """The id of the aggregate that changed."""
    user_id: str | None
    payload: bytes


class Feed:
    """The one subscription to the feed, and the way to read what it stores.

    `deliver` receives every new event once, in order. `lost` is called if events may be missing. The position is
    that of the last event delivered. A gap, as after a reconnect, is filled from the stream before anything else is
    delivered.
    """

    def __init__(
        self,
        transport: Transport,
        events: Iterable[Event[Any]],
        deliver: Callable[[Shown], None],
        lost: Callable[[], None],
    ) -> None:
        self.position = 0
        self._transport = transport
        self._types = {event.subject: event.type for event in events if event.shown}
        self._deliver = deliver
        self._lost = lost
        self._known_since: int | None = None
        """The transport's `reconnects` since when nothing is missing; None before the start."""
        self._heard = 0
        """The highest position that was received."""
        self._time = datetime.min.replace(tzinfo=UTC)
        """When the last event delivered was stored."""
        self._listening = False
        self._reading = asyncio.Semaphore(_AT_ONCE)
        self._one = asyncio.Lock()
        self._wanted = asyncio.Event()

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Fill gaps in the background."""
        watching = asyncio.create_task(self._watch(), name="feed")
        try:
            yield
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    async def ready(self) -> None:
        """Return once every event from now on is delivered. Raises Unavailable."""
        if not self._transport.connected:
            raise _unavailable()
        if self._known_since != self._transport.reconnects:
            await self.refresh()

    async def refresh(self) -> None:
        """Deliver stored events that were not received. Raises Unavailable."""
        try:
            async with self._one:
                await self._catch_up()
        except MeshError as error:
            log.warning("feed_unavailable", error=str(error))
            raise _unavailable() from error

    async def missed(self, position: int) -> list[Shown]:
        """The oldest events behind a position, at most 256, of those that were delivered. Raises Unavailable."""
        try:
            async with self._reading:
                return [event for event in await self._read(position) if event.sequence <= self.position]
        except MeshError as error:
            log.warning("feed_unavailable", error=str(error))
            raise _unavailable() from error

    async def _read(self, position: int) -> list[Shown]:
        for _ in range(_ATTEMPTS):
            stored = await read(self._transport, FEED, position + 1)
            if stored or position >= self._heard:
                break
            await asyncio.sleep(_AGAIN)
        return [self._shown(one.sequence, one.time, one.subject, one.headers, one.payload) for one in stored]

    async def _watch(self) -> None:
        clock = asyncio.get_running_loop().time
        due = clock() + _EVERY
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_TICK):
                    await self._wanted.wait()
            if self._known_since is None or not self._transport.connected:
                self._wanted.clear()
            elif self._wanted.is_set() or self._known_since != self._transport.reconnects or clock() >= due:
                self._wanted.clear()
                due = clock() + _EVERY
                with suppress(Unavailable):
                    await self.refresh()

    async def _catch_up(self) -> None:
        connection = self._transport.reconnects
        if not self._listening:
            await self._transport.subscribe(f"{FEED_PREFIX}>", self._take)
            self._listening = True
        last = await newest(self._transport, FEED)
        if last is not None:
            self._heard = max(self._heard, last.sequence)
            if self._known_since is None:
                self._time = last.time
        if self._known_since is None:  # events stored before the start are not new
            self.position = self._heard
        while self.position < self._heard and (events := await self._read(self.position)):
            for event in events:
                self._pass_on(event)
        self._known_since = connection

    def _take(self, message: Message) -> None:
        headers = message.headers
        try:
            place, time = int(headers[SEQUENCE][:_MOST_DIGITS]), datetime.fromisoformat(headers[TIME])
        except (KeyError, ValueError):
            return  # not by the server
        if self._known_since is not None and place <= self.position and time > self._time:
            self.position, self._heard = place - 1, place  # the stream was recreated, and counts from 1
            self._lost()
        if self._known_since is not None and place == self.position + 1:
            subject = message.subject.removeprefix(FEED_PREFIX)
            self._pass_on(self._shown(place, time, subject, headers, message.payload))
        elif place > self.position:
            self._heard = max(self._heard, place)
            self._wanted.set()

    def _pass_on(self, event: Shown) -> None:
        if event.sequence <= self.position:
            return  # received meanwhile
        if event.sequence > self.position + 1:
            self._lost()
        self.position, self._time = event.sequence, max(event.time, self._time)
        self._heard = max(self._heard, event.sequence)
        if event.type:
            self._deliver(event)

    def _shown(self, sequence: int, time: datetime, subject: str, headers: Mapping[str, str], payload: bytes) -> Shown:
        kind = "" if UNREADABLE in headers else self._types.get(subject, "")
        try:
            user_id = _about(payload).user_id if kind else None
        except Unreadable as error:
            log.warning("event_unreadable", subject=subject, error=str(error))
            kind, user_id = "", None
        return Shown(sequence, time, kind, headers.get(CE_SUBJECT, ""), user_id, payload)


def _unavailable() -> Unavailable:
    return Unavailable("events_unavailable", "events cannot be read at the moment")
