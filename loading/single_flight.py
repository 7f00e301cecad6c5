"""Joins equal concurrent reads into one."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from pydantic import BaseModel

from loading.callers import READ_TASK, Callers, Trace, untraced

Request = TypeVar("Request", bound=BaseModel)
Reply = TypeVar("Reply")


class SingleFlight(Generic[Request, Reply]):
    """Reads once for all concurrent callers with the same request.

    While a read runs, new callers wait for the next one. A caller never joins a read in flight: it might miss an
    earlier acknowledged write. A read has its own context, and so outlives the caller that started it. It belongs to
    the trace of one of its callers.
    """

    def __init__(self, read: Callable[[Request], Awaitable[Reply]], *, trace: Trace = untraced) -> None:
        self._read = read
        self._trace = trace
        self._wanted: dict[str, Callers[Reply]] = {}
        self._readers: dict[str, asyncio.Task[None]] = {}

    @property
    def reads(self) -> int:
        """The reads that are under way."""
        return len(self._readers)

    async def read(self, request: Request) -> Reply:
        """The reply to the request. Raises what the read raises."""
        # Compared as text: two models are equal even if only one of them sets a default explicitly.
        same = request.model_dump_json(exclude_unset=True)
        loop = asyncio.get_running_loop()
        callers = self._wanted.setdefault(same, Callers(loop))
        if (trace := self._trace()) is not None:
            callers.trace = trace
        if same not in self._readers:
            serving = self._serve(same, request)
            self._readers[same] = loop.create_task(serving, name=READ_TASK, context=contextvars.Context())
        return await callers.wait()

    async def _serve(self, same: str, request: Request) -> None:
        try:
            while callers := self._wanted.pop(same, None):
                with callers.trace:
                    await self._answer(callers, request)
        finally:
            del self._readers[same]

    async def _answer(self, callers: Callers[Reply], request: Request) -> None:
        try:
            reply = await self._read(request)
        except Exception as error:  # noqa: BLE001  # whatever it is, it belongs to those who asked
            callers.fail(error)
        else:
            callers.give(reply)
