"""Reads that come together go to the database together."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable, Iterator, Mapping
from contextvars import Context
from itertools import chain
from typing import Generic, TypeVar

from pydantic import BaseModel

Key = TypeVar("Key", bound=Hashable)
Row = TypeVar("Row")
Request = TypeVar("Request", bound=BaseModel)
Reply = TypeVar("Reply")


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
            self._readers.add(asyncio.get_running_loop().create_task(self._serve(), context=Context()))
        try:
            return await found
        finally:
            del found  # it holds the error, whose traceback holds this frame: a cycle

    async def _serve(self) -> None:
        try:
            while self._wanted:
                wanted, self._wanted = self._wanted, {}
                await self._answer(wanted)
        finally:  # a done-callback would come later: who asked in between would count on a reader that is over
            self._readers.discard(asyncio.current_task())

    async def _answer(self, wanted: Mapping[Key, list[asyncio.Future[Row | None]]]) -> None:
        try:
            rows = await self._find_many(tuple(wanted))
        except Exception as error:  # noqa: BLE001  # whatever it is, it belongs to those who asked
            _fail(chain.from_iterable(wanted.values()), error)
            del wanted  # as in find
        else:
            for key, waiting in wanted.items():
                for found in _waiting(waiting):
                    found.set_result(rows.get(key))


class Shared(Generic[Request, Reply]):
    """Reads once for all who ask for the same together.

    While a read is under way, who asks for the same waits for the next one: it, too, would miss nothing that was
    acknowledged before they asked. A read has a context of its own, as in Batched.
    """

    def __init__(self, read: Callable[[Request], Awaitable[Reply]]) -> None:
        self._read = read
        self._wanted: dict[str, list[asyncio.Future[Reply]]] = {}
        self._readers: dict[str, asyncio.Task[None]] = {}

    async def read(self, request: Request) -> Reply:
        """What the request asks for. Raises what the read does."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Reply] = loop.create_future()
        same = request.model_dump_json(
            exclude_unset=True
        )  # models are equal where one names a default and one does not
        self._wanted.setdefault(same, []).append(answer)
        if same not in self._readers:
            self._readers[same] = loop.create_task(self._serve(same, request), context=Context())
        try:
            return await answer
        finally:
            del answer  # as in find

    async def _serve(self, same: str, request: Request) -> None:
        try:
            while wanted := self._wanted.pop(same, None):
                await self._answer(wanted, request)
        finally:
            del self._readers[same]

    async def _answer(self, wanted: list[asyncio.Future[Reply]], request: Request) -> None:
        try:
            reply = await self._read(request)
        except Exception as error:  # noqa: BLE001  # whatever it is, it belongs to those who asked
            _fail(wanted, error)
            del wanted  # as in find
        else:
            for answer in _waiting(wanted):
                answer.set_result(reply)


def _fail(asked: Iterable[asyncio.Future[Row]], error: Exception) -> None:
    for found in _waiting(asked):
        found.set_exception(error)


def _waiting(asked: Iterable[asyncio.Future[Row]]) -> Iterator[asyncio.Future[Row]]:
    """Those whose callers have not gone meanwhile."""
    return (found for found in asked if not found.done())
