"""Reads by key that come together go to the database together."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable, Iterator, Mapping
from contextvars import Context
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Row = TypeVar("Row")


class Batched(Generic[Key, Row]):
    """Finds rows by key, many in one query.

    While `at_once` queries are under way, who comes waits for the next one, which takes them all; the same key is
    looked up once. Nobody joins a query that has been sent: it might not see what was acknowledged since. A query has
    a context of its own, and so outlives the caller who happened to bring it on.
    """

    def __init__(
        self, find_many: Callable[[Collection[Key]], Awaitable[Mapping[Key, Row]]], *, at_once: int = 2
    ) -> None:
        self._find_many = find_many
        self._at_once = at_once
        self._wanted: dict[Key, list[asyncio.Future[Row | None]]] = {}
        self._readers: set[asyncio.Task[None]] = set()

    async def find(self, key: Key) -> Row | None:
        """The row, None where there is none. Raises what the query does."""
        found: asyncio.Future[Row | None] = asyncio.get_running_loop().create_future()
        self._wanted.setdefault(key, []).append(found)
        if len(self._readers) < self._at_once:
            reader = asyncio.get_running_loop().create_task(self._read(), context=Context())
            self._readers.add(reader)
            reader.add_done_callback(self._readers.discard)
        return await found

    async def _read(self) -> None:
        while self._wanted:
            wanted, self._wanted = self._wanted, {}
            try:
                rows = await self._find_many(wanted)
            except Exception as error:  # noqa: BLE001  # whatever it is, it belongs to those who asked
                for found in _waiting(wanted.values()):
                    found.set_exception(error)
            else:
                for key, waiting in wanted.items():
                    for found in _waiting([waiting]):
                        found.set_result(rows.get(key))


def _waiting(groups: Iterable[list[asyncio.Future[Row | None]]]) -> Iterator[asyncio.Future[Row | None]]:
    """Those whose callers have not gone meanwhile."""
    return (found for group in groups for found in group if not found.done())
