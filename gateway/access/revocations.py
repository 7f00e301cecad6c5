"""Sessions that ended before their access tokens expire: learned from events, and fetched when one may be lost."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from contextvars import Context
from typing import Final

import structlog

from contracts.auth import ListRevoked, RevokedPage, SessionsRevoked
from mesh.core.context import Caller
from mesh.core.errors import BadReply, MeshError, Unauthenticated, Unavailable
from mesh.core.loop_time import LoopTime
from mesh.transport.base import Transport
from mesh.transport.events import subscribe
from subjects import EVENTS_AUTH_SESSIONS_REVOKED

log = structlog.get_logger()

WITHIN: Final = 1.0
"""Seconds for one page of the list, and seconds between attempts after a failure."""
_EVERY = 5.0
REFRESH_TASK: Final = "refresh-revocations"
"""The name of the task that asks for the list beside the requests."""
MOST_PAGES: Final = 100
"""Of 10,000 sessions each: an endless list would block every request and exhaust memory."""


class Revocations:
    """The revoked sessions known to this gateway.

    It subscribes before it fetches, so that no revocation is missed. It fetches the list on first use, after each
    reconnect, and every few seconds in the background in case an event was lost. Without the auth service it keeps the
    list it has, as it keeps the keys. Without any list, nobody is let in.
    """

    def __init__(
        self,
        transport: Transport,
        fetch: Callable[[ListRevoked], Awaitable[RevokedPage]],
        clock: Callable[[], float] | None = None,
        ended: Callable[[Iterable[str]], None] = lambda _: None,
    ) -> None:
        """`clock` returns seconds that only grow; without one it is the event loop's.

        `ended` receives the sessions whose revocation has become known.
        """
        self._transport = transport
        self._fetch = fetch
        self._revoked: set[str] = set()
        self._from_events: set[str] = set()
        """Sessions from events since the last fetch began."""
        self._listening = False
        self._known_since: int | None = None
        """The transport's `reconnects` when the list was fetched; None before that."""
        self._asked_at = float("-inf")
        self._one = asyncio.Lock()
        self._time = LoopTime(clock)
        self._refreshing: asyncio.Task[None] | None = None
        self._ended = ended

    async def require_alive(self, caller: Caller) -> None:
        """Raise Unauthenticated if the caller's session is revoked, and Unavailable if that cannot be known."""
        if self._known_since != self._transport.reconnects:
            await self._catch_up()
        elif self._time.now() > self._asked_at + _EVERY:
            self._asked_at = self._time.now()
            # With an empty context: the deadline of a request that is almost over would end it.
            self._refreshing = asyncio.create_task(self._refresh_quietly(), name=REFRESH_TASK, context=Context())
        if caller.session_id in self._revoked:
            raise Unauthenticated("session_revoked", "the session has ended")

    async def known(self) -> bool:
        """Whether the list has been fetched; tries it if not. Without the list nobody is let in."""
        if self._known_since is None:
            with suppress(Unavailable):
                await self._catch_up()
        return self._known_since is not None

    async def _catch_up(self) -> None:
        async with self._one:
            if self._known_since == self._transport.reconnects:
                return  # another request did it meanwhile
            if self._known_since is not None and self._time.now() < self._asked_at + WITHIN:
                return
            try:
                if not self._listening:
                    await subscribe(self._transport, EVENTS_AUTH_SESSIONS_REVOKED, self._take)
                    self._listening = True
                await self._refresh()
            except MeshError as error:
                log.warning("revocations_unknown", error=str(error))
                if self._known_since is None:
                    why = "revoked sessions cannot be checked: the auth service is not available"
                    raise Unavailable("revocations_unavailable", why) from error

    async def _refresh_quietly(self) -> None:
        async with self._one:
            try:
                await self._refresh()
            except MeshError as error:
                log.warning("revocations_unknown", error=str(error))

    async def _refresh(self) -> None:
        connection = self._transport.reconnects
        self._asked_at = self._time.now()
        self._from_events.clear()
        before = self._revoked
        self._revoked = await self._fetched() | self._from_events
        self._ended(self._revoked - before)
        self._known_since = connection

    async def _fetched(self) -> set[str]:
        session_ids: set[str] = set()
        request = ListRevoked()
        for _ in range(MOST_PAGES):
            page = await self._fetch(request)
            session_ids.update(page.session_ids)
            if page.next_cursor is None:
                return session_ids
            request = ListRevoked(cursor=page.next_cursor)
        raise BadReply(f"the list of revoked sessions exceeds {MOST_PAGES} pages")

    def _take(self, event: SessionsRevoked) -> None:
        self._from_events.update(event.session_ids)
        self._revoked.update(event.session_ids)
        self._ended(event.session_ids)
