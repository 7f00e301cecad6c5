"""A total is exact while it is small, and costs little however many rows there are."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from providers.postgres.database import Database, open_database
from providers.postgres.keyset import Select
from providers.postgres.totals import MOST_COST, MOST_COUNTED, total_of

ROWS = 30_000


@pytest.fixture
async def many(customers_url: str) -> AsyncIterator[Database]:
    async with open_database(SecretStr(customers_url), name="test") as database:
        await database.fetch("CREATE TABLE many AS SELECT n FROM generate_series(1, $1::integer) AS n", ROWS)
        await database.fetch("ANALYZE many")
        yield database
        await database.fetch("DROP TABLE many")


@pytest.mark.parametrize("rows", [0, 1, MOST_COUNTED])
async def test_a_total_is_exact_up_to_a_bound(many: Database, rows: int) -> None:
    select = Select("n", "many")
    select.where("n <= {}", rows)

    assert {"total": rows, "total_estimated": False} == await total_of(many, select)


async def test_a_larger_total_is_an_estimate_that_is_larger_too(many: Database) -> None:
    whole, part = Select("n", "many"), Select("n", "many")
    part.where("n <= {}", MOST_COUNTED + 1)

    assert {"total": ROWS, "total_estimated": True} == await total_of(many, whole)
    found = await total_of(many, part)
    assert found["total_estimated"]
    assert MOST_COUNTED < found["total"] < 1.1 * MOST_COUNTED


async def test_an_estimate_is_never_less_than_what_was_counted(many: Database) -> None:
    misjudged = Select("n", "many")
    misjudged.where("n % 1 = {}", 0)  # of such a condition the planner knows nothing

    assert {"total": MOST_COUNTED + 1, "total_estimated": True} == await total_of(many, misjudged)


async def test_a_count_that_would_take_long_is_not_begun(many: Database) -> None:
    none_of_27_billion = Select("1", "many AS a, many AS b, many AS c")
    none_of_27_billion.where("a.n + b.n + c.n < {}", 0)

    async with asyncio.timeout(5):
        found = await total_of(many, none_of_27_billion)

    assert found["total_estimated"]


async def cost_of(database: Database, select: Select) -> float:
    """PostgreSQL's units for counting all that matches."""
    sql = f"EXPLAIN (FORMAT JSON) SELECT count(*) FROM ({select.sql}) AS rows"  # noqa: S608  # our own text
    [[explained]] = await database.fetch(sql, *select.values)
    return float(json.loads(explained)[0]["Plan"]["Total Cost"])


@pytest.mark.parametrize(("rows", "counted"), [(1, True), (20, True), (50, False), (5_000, False)])
async def test_the_cost_decides_whether_rows_are_counted(many: Database, rows: int, *, counted: bool) -> None:
    none = Select("a.n", "many AS a, many AS b")
    none.where("a.n + b.n < {}", 0)
    none.where("b.n <= {}", rows)

    cost = await cost_of(many, none)
    found = await total_of(many, none)

    assert counted is (cost <= MOST_COST)
    assert counted is not found["total_estimated"]


async def test_the_columns_of_a_list_do_not_count(many: Database) -> None:
    dear = Select("n, (SELECT sum(b.n) FROM many AS b WHERE b.n <= many.n) AS upto", "many")
    dear.where("n <= {}", MOST_COUNTED)

    assert {"total": MOST_COUNTED, "total_estimated": False} == await total_of(many, dear)
