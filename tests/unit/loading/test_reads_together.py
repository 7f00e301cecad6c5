import asyncio
from collections.abc import Collection, Mapping
from typing import NoReturn

import pytest
from pydantic import BaseModel, ConfigDict

from loading.batch_loader import BatchLoader
from loading.callers import READ_TASK
from loading.single_flight import SingleFlight
from tests.support.garbage import left_by


class Table:
    """Rows that a test changes, read by queries that it lets go on."""

    def __init__(self) -> None:
        self.rows = {"a": 1, "b": 2}
        self.queries: list[list[str]] = []
        self.go_on = asyncio.Event()

    async def find_many(self, keys: Collection[str]) -> Mapping[str, int]:
        self.queries.append([*keys])
        seen = {key: self.rows[key] for key in keys if key in self.rows}
        await self.go_on.wait()
        if "broken" in keys:
            raise OSError("gone")
        return seen


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_comes_together_is_looked_up_together_each_key_once() -> None:
    table = Table()
    table.go_on.set()
    batched = BatchLoader(table.find_many)
    assert [1, 2, 1, None] == await asyncio.gather(*map(batched.find, ["a", "b", "a", "x"]))
    assert [["a", "b", "x"]] == table.queries


async def test_beyond_the_queries_under_way_callers_wait_for_the_next() -> None:
    table = Table()
    batched = BatchLoader(table.find_many, at_once=1)
    finding = [asyncio.ensure_future(batched.find("a"))]
    await settled()
    finding += [asyncio.ensure_future(batched.find(key)) for key in ("b", "x")]
    await settled()
    assert [["a"]] == table.queries
    table.go_on.set()
    assert [1, 2, None] == await asyncio.gather(*finding)
    assert [["a"], ["b", "x"]] == table.queries


async def test_nobody_joins_a_query_that_may_miss_what_was_acknowledged_since() -> None:
    table = Table()
    batched = BatchLoader(table.find_many, at_once=1)
    before = asyncio.ensure_future(batched.find("a"))
    await settled()
    table.rows["a"] = 3
    after = asyncio.ensure_future(batched.find("a"))
    await settled()
    table.go_on.set()
    assert (1, 3) == (await before, await after)


async def test_a_caller_who_goes_takes_nobody_along() -> None:
    table = Table()
    batched = BatchLoader(table.find_many)
    first, second = (asyncio.ensure_future(batched.find("a")) for _ in range(2))
    await settled()
    first.cancel()
    table.go_on.set()
    assert 1 == await second
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_what_a_query_raises_everybody_in_it_hears_and_nobody_else() -> None:
    table = Table()
    batched = BatchLoader(table.find_many, at_once=1)
    together = [asyncio.ensure_future(batched.find(key)) for key in ("a", "broken")]
    await settled()
    later = asyncio.ensure_future(batched.find("b"))
    table.go_on.set()
    for one in together:
        with pytest.raises(OSError, match="gone"):
            await one
    assert 2 == await later


async def test_who_asks_in_the_turn_in_which_the_last_readers_end_is_answered() -> None:
    gates: list[asyncio.Future[None]] = []

    async def find_many(keys: Collection[str]) -> Mapping[str, str]:
        gates.append(asyncio.get_running_loop().create_future())
        await gates[-1]
        return {key: key for key in keys}

    batched = BatchLoader(find_many, at_once=2)
    finding = []
    for key in ("a", "b"):
        finding.append(asyncio.ensure_future(batched.find(key)))
        await settled()
    first, second = gates
    first.set_result(None)
    second.set_result(None)
    finding.append(asyncio.ensure_future(batched.find("c")))  # the readers end in the turn in which it begins
    await settled()
    assert 3 == len(gates), "nobody reads for the last one"
    gates[-1].set_result(None)
    assert ["a", "b", "c"] == await asyncio.gather(*finding)


class Which(BaseModel):
    model_config = ConfigDict(frozen=True)

    key: str = "a"


class Pages:
    """A table read page by page, by reads that a test lets go on."""

    def __init__(self) -> None:
        self.table = Table()
        self.reads: list[Which] = []

    async def read(self, which: Which) -> int:
        self.reads.append(which)
        return (await self.table.find_many([which.key]))[which.key]


async def test_the_same_asked_together_is_read_once_and_another_beside_it() -> None:
    pages = Pages()
    pages.table.go_on.set()
    shared = SingleFlight(pages.read)
    asked = [Which(key="a"), Which(key="b"), Which(key="a")]
    assert [1, 2, 1] == await asyncio.gather(*map(shared.read, asked))
    assert [Which(key="a"), Which(key="b")] == pages.reads


async def test_a_default_that_is_named_is_not_the_same_as_none() -> None:
    pages = Pages()
    pages.table.go_on.set()
    shared = SingleFlight(pages.read)
    await asyncio.gather(shared.read(Which()), shared.read(Which(key="a")))
    assert [set(), {"key"}] == [which.model_fields_set for which in pages.reads]


async def test_a_read_under_way_is_joined_by_nobody_and_followed_by_one_for_all() -> None:
    pages = Pages()
    shared = SingleFlight(pages.read)
    before = asyncio.ensure_future(shared.read(Which()))
    await settled()
    pages.table.rows["a"] = 3
    after = [asyncio.ensure_future(shared.read(Which())) for _ in range(3)]
    await settled()
    assert 1 == len(pages.reads)
    pages.table.go_on.set()
    assert [1, 3, 3, 3] == await asyncio.gather(before, *after)
    assert 2 == len(pages.reads)


async def test_who_leaves_a_shared_read_takes_nobody_along_and_a_failure_is_everybody_s() -> None:
    pages = Pages()
    shared = SingleFlight(pages.read)
    gone, stays = (asyncio.ensure_future(shared.read(Which())) for _ in range(2))
    broken = [asyncio.ensure_future(shared.read(Which(key="broken"))) for _ in range(2)]
    await settled()
    gone.cancel()
    pages.table.go_on.set()
    assert 1 == await stays
    for one in broken:
        with pytest.raises(OSError, match="gone"):
            await one
    with pytest.raises(asyncio.CancelledError):
        await gone
    await settled()
    assert 1 == await shared.read(Which()), "nothing is left of the reads before"


async def test_a_reader_that_is_cancelled_leaves_its_place_to_the_next() -> None:
    table = Table()
    batched, shared = BatchLoader(table.find_many, at_once=1), SingleFlight(Pages().read)
    asked = [asyncio.ensure_future(batched.find("a")), asyncio.ensure_future(shared.read(Which()))]
    await settled()
    assert (1, 1) == (batched.queries, shared.reads)
    for reader in asyncio.all_tasks():
        if reader.get_name() == READ_TASK:
            reader.cancel()
    await settled()
    assert (0, 0) == (batched.queries, shared.reads)
    for one in asked:
        one.cancel()


async def test_no_read_that_fails_leaves_a_cycle() -> None:
    """While a database is away every read fails."""

    async def fail(_: object) -> NoReturn:
        raise OSError("gone")

    batched, shared = BatchLoader[str, int](fail), SingleFlight[Which, int](fail)

    async def ask() -> None:
        for read in (batched.find("a"), batched.find("b"), shared.read(Which()), shared.read(Which())):
            with pytest.raises(OSError, match="gone"):
                await read

    assert not await left_by(ask, 10)
