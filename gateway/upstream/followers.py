"""Distributes events to the open event streams and to the requests that wait for one, within limits."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from gateway.semantics.event_stream import event_text
from gateway.settings import EventLimits
from gateway.upstream.feed import Shown
from mesh.core.context import Caller
from mesh.core.errors import Fault, RateLimited, Unavailable
from mesh.security.verifier import ADMIN

MOST_WAITING: Final = 512 * 1024
"""Bytes of events that may wait for one client to read; more than the longest event has."""

Aggregate = tuple[str, str]
"""A service, and the id of something of it that changes."""


class Follower:
    """The events that wait for one open stream."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.ended = False
        """Whether the stream must end: the client is too slow, the session has ended, or the gateway stops."""
        self._waiting: list[bytes] = []
        self._size = 0
        self._wake = asyncio.Event()

    def offer(self, text: bytes) -> None:
        """Add an event, or end the stream if too much waits. The client resumes where it stopped reading."""
        self._waiting.append(text)
        self._size += len(text)
        self._wake.set()
        if self._size > MOST_WAITING:
            self.end()

    def end(self) -> None:
        """End the stream at once."""
        self.ended = True
        self._waiting, self._size = [], 0
        self._wake.set()

    async def take(self, within: float) -> bytes:
        """All waiting events; none after `within` seconds, or if the stream must end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._wake.wait()
        self._wake.clear()
        taken, self._waiting, self._size = b"".join(self._waiting), [], 0
        return taken


class _Places:
    """Limits how many one user, and all users together, may have at once."""

    def __init__(
        self, most: int, full: Callable[[], Fault], most_of_one: int, full_for_one: Callable[[], Fault]
    ) -> None:
        self._most, self._full, self._most_of_one, self._full_for_one = most, full, most_of_one, full_for_one
        self._taken = Counter[str]()
        self._all = 0

    @contextmanager
    def taken(self, user_id: str) -> Iterator[None]:
        """Take a place. Raises RateLimited for too many of this user, Unavailable for too many of all."""
        if self._taken[user_id] >= self._most_of_one:
            raise self._full_for_one()
        if self._all >= self._most:
            raise self._full()
        self._taken[user_id] += 1
        self._all += 1
        try:
            yield
        finally:
            self._all -= 1
            self._taken[user_id] -= 1
            if not self._taken[user_id]:
                del self._taken[user_id]


class Followers:
    """The open streams and waits. An event is looked up by user and by aggregate, not compared with all of them."""

    def __init__(self, limits: EventLimits) -> None:
        self.streams = _Places(
            limits.gateway_streams,
            lambda: Unavailable("too_many_streams", "the gateway has reached its limit of event streams"),
            limits.gateway_streams_per_user,
            lambda: RateLimited("too_many_streams_of_user", "you have too many event streams", retry_after=5),
        )
        self.waits = _Places(
            limits.gateway_waits,
            lambda: Unavailable("too_many_waits", "the gateway has reached its limit of requests with wait"),
            limits.gateway_waits_per_user,
            lambda: RateLimited("too_many_waits_of_user", "you have too many requests with wait", retry_after=5),
        )
        self._closed = False
        self._admins = set[Follower]()
        self._by_user = defaultdict[str, set[Follower]](set)
        self._by_session = defaultdict[str, set[Follower]](set)
        self._waiting = defaultdict[Hashable, dict[asyncio.Future[None], Callable[[str], bool]]](dict)

    @contextmanager
    def following(self, caller: Caller) -> Iterator[Follower]:
        """The caller's open stream: their own events, or all events for an administrator."""
        follower = Follower(caller)
        of_one = self._admins if ADMIN in caller.roles else self._by_user[caller.user_id]
        of_one.add(follower)
        self._by_session[caller.session_id].add(follower)
        if self._closed:
            follower.end()
        try:
            yield follower
        finally:
            of_one.discard(follower)
            self._by_session[caller.session_id].discard(follower)
            for table, key in ((self._by_user, caller.user_id), (self._by_session, caller.session_id)):
                if not table[key]:
                    del table[key]

    @contextmanager
    def waiting(self, aggregate: Aggregate, ends: Callable[[str], bool]) -> Iterator[asyncio.Future[None]]:
        """A future that is done after an event of the aggregate whose type `ends` the wait, or if the gateway stops."""
        future = asyncio.get_running_loop().create_future()
        self._waiting[aggregate][future] = ends
        if self._closed:
            future.set_result(None)
        try:
            yield future
        finally:
            del self._waiting[aggregate][future]
            if not self._waiting[aggregate]:
                del self._waiting[aggregate]

    def deliver(self, event: Shown) -> None:
        """Pass the event on to the streams and waits that it concerns."""
        concerned = {*self._admins, *self._by_user.get(event.user_id or "", ())}
        if concerned:
            text = event_text(event.sequence, event.type, event.payload)
            for follower in concerned:
                follower.offer(text)
        service = event.type.partition(".")[0]
        for future, ends in self._waiting.get((service, event.aggregate), {}).items():
            if not future.done() and ends(event.type):
                future.set_result(None)

    def end_sessions(self, session_ids: Iterable[str]) -> None:
        """End the streams of these sessions."""
        for session_id in session_ids:
            for follower in self._by_session.get(session_id, ()):
                follower.end()

    def end_streams(self) -> None:
        """End every stream. Clients resume, and receive the missing events or `reset`."""
        for followers in self._by_session.values():
            for follower in followers:
                follower.end()

    def close(self) -> None:
        """End every stream and every wait, from now on at once."""
        self._closed = True
        self.end_streams()
        for waiting in self._waiting.values():
            for future in waiting:
                if not future.done():
                    future.set_result(None)

    def refuse_if_closed(self) -> None:
        """Raise Unavailable once the gateway stops."""
        if self._closed:
            raise Unavailable("stopping", "the gateway is stopping")
