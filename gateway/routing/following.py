"""How a request follows events: the parts of an event stream, and the wait for one event."""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Final, TypeVar

from starlette.requests import Request

from gateway.dependencies import Dependencies, dependencies
from gateway.routing.guard import caller
from gateway.semantics.event_stream import event_text, position_text
from gateway.upstream.feed import Shown
from gateway.upstream.followers import Aggregate, Follower
from mesh.core import context
from mesh.core.context import Caller, working_on
from mesh.core.endpoint import Access
from mesh.core.errors import Fault, Unavailable
from mesh.security.verifier import ADMIN, require_access

HEARTBEAT: Final = 15.0
"""Seconds between signs of life, and between checks of the access token."""
LONGEST_WAIT: Final = 10.0
"""Seconds that a request waits for an event."""
_RETRY: Final = (2000, 5000)
"""Milliseconds after which a client connects again, drawn by lot: many lose a gateway at the same moment."""
_ANEW: Final = 5.0
"""Seconds for what a request still does after it has waited."""
_RESET: Final = b'{"reason":"events_missing","detail":"Events are missing here. Read what you show again."}'

Read = TypeVar("Read")


async def follow(request: Request, after: int | None) -> AsyncGenerator[bytes, None]:
    """The caller's events behind the position `after`; None: only new ones. It ends when the client should resume.

    Raises, before the first part, Unauthenticated, RateLimited and Unavailable.
    """
    known = dependencies(request)
    feed = known.feed
    user = await caller(request)
    known.followers.refuse_if_closed()
    with known.followers.streams.taken(user.user_id):
        await feed.ready()
        position = feed.position if after is None else after
        if position > feed.position:
            await feed.refresh()  # another gateway heard of it first
        part = b"retry: %d\n\n" % random.randint(*_RETRY)  # noqa: S311  # no secret
        begun = False
        while position != feed.position:
            try:
                missed = await feed.missed(position) if position < feed.position else []
            except Unavailable:
                if begun:
                    return  # the client resumes
                raise
            if missed and missed[0].sequence == position + 1:
                position = missed[-1].sequence
                part += _visible(missed, user) + position_text(position)
            else:
                position = feed.position
                part += event_text(position, "reset", _RESET)
            yield part
            begun, part = True, b""
        # Nothing is awaited between the comparison and this, so no event falls between.
        with known.followers.following(user) as follower:
            if not begun:
                yield part + position_text(position)
            async for live in _live(request, known, follower):
                yield live


async def _live(request: Request, known: Dependencies, follower: Follower) -> AsyncGenerator[bytes, None]:
    clock = asyncio.get_running_loop().time
    due = clock() + HEARTBEAT
    while not follower.ended:
        part = await follower.take(due - clock())
        if clock() >= due:
            due = clock() + HEARTBEAT
            part += b": heartbeat\n" + position_text(known.feed.position)
            if not await _still_allowed(request):
                return
        if part:
            yield part


def _visible(events: Iterable[Shown], user: Caller) -> bytes:
    everything = ADMIN in user.roles
    seen = (event for event in events if event.type and (everything or event.user_id == user.user_id))
    return b"".join(event_text(event.sequence, event.type, event.payload) for event in seen)


async def _still_allowed(request: Request) -> bool:
    """Whether the access token is valid and its session alive, as far as is known."""
    try:
        with working_on(_anew()):
            require_access(Access.USER, await caller(request))
    except Unavailable:
        return True
    except Fault:
        return False
    return True


def _anew() -> context.Context:
    """The current request, with time for what it does now: its deadline may have passed."""
    return context.in_request()._replace(deadline=asyncio.get_running_loop().time() + _ANEW)


async def read_after(
    request: Request,
    aggregate: Aggregate,
    read: Callable[[], Awaitable[Read]],
    waits: Callable[[Read], bool],
    ends: Callable[[str], bool],
) -> Read:
    """What `read` returns: at once, or if it `waits` after an event of the aggregate whose type `ends` the wait.

    The wait ends after 10 s in any case, and when the gateway stops. Raises RateLimited, Unavailable, and as `read`.
    """
    known = dependencies(request)
    user = await caller(request)
    # In this order: an event between the read and the wait would be missed.
    with known.followers.waits.taken(user.user_id), known.followers.waiting(aggregate, ends) as event:
        await known.feed.ready()
        found = await read()
        if not waits(found):
            return found
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_WAIT):
                await event
    with working_on(_anew()):
        await caller(request)
        return await read()
