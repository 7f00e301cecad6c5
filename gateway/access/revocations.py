"""Which sessions have ended before their access tokens: told by events, and fetched where some may have been missed."""

import asyncio
from collections.abc import Awaitable, Callable
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
"""Seconds: so long a page of the list may take; and after a failure, until it is asked for again."""
_EVERY = 5.0
REFRESH_TASK: Final = "refresh-revocations"
"""The name of the task that asks for the list beside the requests."""
MOST_PAGES: Final = 100
"""Of 10,000 sessions each: a list without an end would have everybody wait, and memory grow."""


class Revocations:
    """The sessions that were revoked, as a gateway knows them.

    It listens before it fetches, so that nothing falls between. The list is fetched when it is first needed or asked
    for, after each reconnect, and every few seconds beside the requests, should an event be lost otherwise. Without the
    auth service it goes on with what it knows, as it does with its keys; before it knows anything, nobody is let in.
    """

    def __init__(
        self,
        transport: Transport,
        fetch: Callable[[ListRevoked], Awaitable[RevokedPage]],
        clock: Callable[[], float] | None = None,
    ) -> None:
        """`clock` returns seconds that only grow; without one it is the event loop's."""
        self._transport = transport
        self._fetch = fetch
        self._revoked: set[str] = set()
        self._told: set[str] = set()
        """By events, since the list was last asked for."""
        self._listening = False
        self._known_since: int | None = None
        """The transport's `reconnects` when the list was fetched; None before that."""
        self._asked_at = float("-inf")
        self._one = asyncio.Lock()
        self._time = LoopTime(clock)
        self._refreshing: asyncio.Task[None] | None = None

    async def require_alive(self, caller: Caller) -> None:
        """Raise Unauthenticated where the caller's session was revoked, and Unavailable where nobody can know."""
        if self._known_since != self._transport.reconnects:
            await self._catch_up()
        elif self._time.now() > self._asked_at + _EVERY:
            self._asked_at = self._time.now()
            # With a context of its own: a request that is almost over would end it by its deadline.
            self._refreshing = asyncio.create_task(self._refresh_quietly(), name=REFRESH_TASK, context=Context())
        if caller.session_id in self._revoked:
            raise Unauthenticated("session_revoked", "the session has ended")

    async def known(self) -> bool:
        """Whether the list was ever had: without it nobody is let in. It is asked for where it was not."""
        if self._known_since is None:
            with suppress(Unavailable):
                await self._catch_up()
        return self._known_since is not None

    async def _catch_up(self) -> None:
        async with self._one:
            if self._known_since == self._transport.reconnects:
                return  # whoever was before us here did it
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
                    why = "which sessions have ended is not known yet: the auth service does not tell"
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
        self._told.clear()
        self._revoked = await self._fetched() | self._told
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
        raise BadReply(f"the list of revoked sessions has no end after {MOST_PAGES} pages")

    def _take(self, event: SessionsRevoked) -> None:
        self._told.update(event.session_ids)
        self._revoked.update(event.session_ids)
