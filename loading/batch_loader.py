"""Reads by key that come together go to the database in one query."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping
from contextvars import Context
from typing import Generic, TypeVar

from loading.callers import READ_TASK, Callers

Key = TypeVar("Key", bound=Hashable)
Row = TypeVar("Row")


class BatchLoader(Generic[Key, Row]):
    """Finds rows by key, many in one query.

    While `at_once` queries are under way, a new caller waits for the next one, which serves all who wait; the same key
    is looked up once. No caller joins a query that has been sent: it might miss an earlier acknowledged write. A query
    has a context of its own, and so outlives the caller that started it.
    """

    def __init__(
        self, find_many: Callable[[Collection[Key]], Awaitable[Mapping[Key, Row]]], *, at_once: int = 2
    ) -> None:
        self._find_many = find_many
        self._at_once = at_once
        self._wanted: dict[Key, Callers[Row | None]] = {}
        self._readers: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def queries(self) -> int:
        """The queries that are under way."""
        return len(self._readers)

    async def find(self, key: Key) -> Row | None:
        """The row, None where there is none. Raises what the query does."""
        if (loop := self._loop) is None:
            loop = self._loop = asyncio.get_running_loop()
        if (callers := self._wanted.get(key)) is None:
            callers = self._wanted[key] = Callers(loop)
        if len(self._readers) < self._at_once:
            self._readers.add(loop.create_task(self._serve(), name=READ_TASK, context=Context()))
        return await callers.wait()

    async def _serve(self) -> None:
        try:
            while self._wanted:
                wanted, self._wanted = self._wanted, {}
                await self._answer(wanted)
        finally:  # a done-callback would come later: who asked in between would count on a reader that is over
            self._readers.discard(asyncio.current_task())

    async def _answer(self, wanted: Mapping[Key, Callers[Row | None]]) -> None:
        try:
            rows = await self._find_many(tuple(wanted))
        except Exception as error:  # noqa: BLE001  # whatever it is, it belongs to those who asked
            for callers in wanted.values():
                callers.fail(error)
        else:
            for key, callers in wanted.items():
                callers.give(rows.get(key))
