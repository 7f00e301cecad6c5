"""A query that serves many callers, in the trace of one of them."""

import asyncio
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from loading.batch_loader import BatchLoader


async def test_a_query_belongs_to_the_trace_of_one_of_its_callers() -> None:
    traces: list[str] = []
    whose = ContextVar("whose", default="")
    within = ContextVar("within", default="")

    @contextmanager
    def trace_of(name: str) -> Iterator[None]:
        token = within.set(name)
        yield
        within.reset(token)

    async def find_many(keys: Collection[int]) -> dict[int, int]:
        traces.append(within.get())
        await asyncio.sleep(0)
        return {key: key for key in keys}

    loader = BatchLoader(find_many, at_once=1, trace=lambda: trace_of(whose.get()) if whose.get() else None)

    async def ask(key: int, name: str) -> None:
        whose.set(name)
        await loader.find(key)

    await asyncio.gather(*(asyncio.create_task(ask(key, name)) for key, name in enumerate(["", "a"])))
    await asyncio.create_task(ask(2, ""))
    assert ["a", ""] == traces
