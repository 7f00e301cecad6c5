"""Joins concurrent reads by key into one query."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping
from contextlib import AbstractContextManager
from typing import Generic, TypeVar

from loading.callers import READ_TASK, Callers, Trace, untraced

Key = TypeVar("Key", bound=Hashable)
Row = TypeVar("Row")


class BatchLoader(Generic[Key, Row]):
    """Finds rows by key, many in one query.

    While `at_once` queries run, new callers wait for the next query, which serves them all and looks up each key once.
    A caller never joins a query that has been sent: it might miss an earlier acknowledged write. A query has its own
    context, and so outlives the caller that started it. It belongs to the trace of one of its callers.
    """

    def __init__(
        self,
        find_many: Callable[[Collection[Key]], Awaitable[Mapping[Key, Row]]],
        *,
        at_once: int = 2,
        trace: Trace = untraced,
    ) -> None:
        self._find_many = find_many
        self._trace = trace
        self._next_trace: AbstractContextManager[None] | None = None
        self._at_once = at_once
        self._wanted: dict[Key, Callers[Row | None]] = {}
        self._readers: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def queries(self) -> int:
        """The queries that are under way."""
        return len(self._readers)

    async def find(self, key: Key) -> Row | None:
        """The row, or None. Raises what the query raises."""
        if (loop := self._loop) is None:
            loop = self._loop = asyncio.get_running_loop()
        if (callers := self._wanted.get(key)) is None:
            callers = self._wanted[key] = Callers(loop)
        if (trace := self._trace()) is not None:
            self._next_trace = trace
        if len(self._readers) < self._at_once:
            self._readers.add(loop.create_task(self._serve(), name=READ_TASK, context=contextvars.Context()))
        return await callers.wait()

    async def _serve(self) -> None:
        try:
            while self._wanted:
                wanted, self._wanted = self._wanted, {}
                trace, self._next_trace = self._next_trace, None
                if trace is None:
                    await self._answer(wanted)
                else:
                    with trace:
                        await self._answer(wanted)
        finally:  # a done-callback runs later: a caller in between would wait for a finished reader
            self._readers.discard(asyncio.current_task(self._loop))

    async def _answer(self, wanted: Mapping[Key, Callers[Row | None]]) -> None:
        try:
            rows = await self._find_many(tuple(wanted))
        except Exception as error:  # noqa: BLE001  # whatever it is, it belongs to those who asked
            for callers in wanted.values():
                callers.fail(error)
        else:
            for key, callers in wanted.items():
                callers.give(rows.get(key))
