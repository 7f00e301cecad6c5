"""Keeps the newest entries in memory, and tells pages about each new one."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Generic, TypeVar

Entry = TypeVar("Entry")

_BEHIND = 1000
"""Entries that a page may be behind. A slower page misses the oldest."""


class Ring(Generic[Entry]):
    """The newest entries, the oldest first."""

    def __init__(self, most: int) -> None:
        self._entries: deque[Entry] = deque(maxlen=most)
        self._followers: list[deque[Entry]] = []

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: Entry) -> None:
        """Keep an entry, and forget the oldest one if the ring is full."""
        self._entries.append(entry)
        self.tell(entry)

    def tell(self, entry: Entry) -> None:
        """Tell pages about an entry without keeping it: it is kept already, and has changed."""
        for follower in self._followers:
            follower.append(entry)

    def newest(self, most: int, wanted: Callable[[Entry], bool] = lambda _: True) -> list[Entry]:
        """The newest entries that are wanted, the newest first."""
        found: list[Entry] = []
        for entry in reversed(self._entries):
            if len(found) >= most:
                break
            if wanted(entry):
                found.append(entry)
        return found

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._entries))

    @contextmanager
    def followed(self) -> Iterator[deque[Entry]]:
        """A queue of the entries that are added from now on. Its reader empties it."""
        follower: deque[Entry] = deque(maxlen=_BEHIND)
        self._followers.append(follower)
        try:
            yield follower
        finally:
            self._followers = [one for one in self._followers if one is not follower]


def taken(queue: deque[Entry], most: int) -> list[Entry]:
    """Remove and return up to `most` entries of a queue."""
    return [queue.popleft() for _ in range(min(most, len(queue)))]


class Watchers:
    """Counts open pages: what nobody looks at is measured less often."""

    def __init__(self) -> None:
        self._count = 0
        self._arrived = asyncio.Event()

    def __len__(self) -> int:
        return self._count

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """Count a page while it is open."""
        self._count += 1
        self._arrived.set()
        try:
            yield
        finally:
            self._count -= 1

    async def every(self, watched: float, unwatched: float) -> AsyncIterator[None]:
        """Tick every `watched` seconds while a page is open, otherwise every `unwatched` seconds."""
        while True:
            yield
            if self._count:
                await asyncio.sleep(watched)
                continue
            self._arrived.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._arrived.wait(), unwatched)
