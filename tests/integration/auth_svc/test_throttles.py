import asyncio
from datetime import UTC, datetime

import pytest

from auth_svc.repository import Limit, Throttles
from providers.mongo.database import Database, Document

PAST = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def throttles(any_database: Database) -> Throttles:
    return Throttles(any_database)


async def test_as_many_attempts_as_are_free_are_permitted_at_once(throttles: Throttles) -> None:
    attempts = await asyncio.gather(*(throttles.attempt(Limit("k", 5, 900), longest=900) for _ in range(100)))
    waits = [attempt.wait for attempt in attempts]
    assert 5 <= waits.count(0) <= 8, "on a busy machine a pause may end meanwhile"
    assert {0, 1} <= set(waits) <= {0, 1, 2, 4}
    assert (0, 0) == (await throttles.attempt(Limit("another", 5, 900), longest=900))[1:3]


async def test_each_further_attempt_doubles_the_pause_up_to_the_longest(
    throttles: Throttles, any_database: Database
) -> None:
    pauses = []
    assert (0, 0) == (await throttles.attempt(Limit("k", 2, 900), longest=900))[1:3]
    for _ in range(13):
        attempt = await throttles.attempt(Limit("k", 2, 900), longest=900)
        throttle = await any_database["throttles"].find_one_and_update({"_id": "k"}, {"$set": {"next_at": PAST}})
        assert throttle
        pauses.append((throttle["next_at"] - throttle["asked_at"]).total_seconds())
        assert (0, pauses[-1]) == attempt[1:3]
    assert [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900] == pauses


async def test_what_was_not_in_vain_is_not_counted_and_the_pause_that_it_began_is_over(throttles: Throttles) -> None:
    permitted = [await throttles.attempt(Limit("k", 2, 900), longest=900) for _ in range(2)]
    assert [(0, 0), (0, 1)] == [attempt[1:3] for attempt in permitted]
    for _ in range(20):
        await throttles.take_back([permitted.pop()])
        permitted.append(await throttles.attempt(Limit("k", 2, 900), longest=900))
        assert (0, 1) == permitted[-1][1:3]


async def test_a_pause_that_another_attempt_began_goes_on(throttles: Throttles) -> None:
    first, second = [await throttles.attempt(Limit("k", 2, 900), longest=900) for _ in range(2)]
    await throttles.take_back([first])
    third = await throttles.attempt(Limit("k", 2, 900), longest=900)
    assert [0, 0, 1] == [attempt.wait for attempt in (first, second, third)]


async def test_attempts_are_forgotten_one_by_one(throttles: Throttles, any_database: Database) -> None:
    pauses = []
    for minutes in (0, 0, 0, 0, 0, 0, 1, 3, 20):
        earlier = {"$subtract": ["$clear_at", minutes * 60_000]}
        await any_database["throttles"].update_one({"_id": "k"}, [{"$set": {"clear_at": earlier, "next_at": PAST}}])
        pauses.append((await throttles.attempt(Limit("k", 2, 60), longest=900)).pause)
    assert [0, 1, 2, 4, 8, 16, 16, 4, 0] == pauses


async def test_an_attempt_within_a_pause_prolongs_nothing(throttles: Throttles, any_database: Database) -> None:
    async def kept() -> Document:
        [document] = await any_database["throttles"].find({}, {"clear_at": 1, "next_at": 1}).to_list()
        return document

    await throttles.attempt(Limit("k", 1, 60), longest=900)
    await any_database["throttles"].update_one({}, [{"$set": {"next_at": {"$add": ["$$NOW", 60_000]}}}])
    before = await kept()
    assert (await throttles.attempt(Limit("k", 1, 60), longest=900)).wait
    assert before == await kept()
