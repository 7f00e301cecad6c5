"""How many rows a list has on all pages: counted if that is cheap, or else PostgreSQL's estimate."""

import json
from typing import Any, Final

from providers.postgres.database import Statements
from providers.postgres.keyset import Select

MOST_COUNTED: Final = 10_000
"""Rows. Beyond them a list has an estimate."""
MOST_COST: Final = 100_000
"""PostgreSQL's units of cost, with its usual settings: below 1 s. A count that costs more is not begun."""
_LARGEST: Final = 2**31 - 1


async def total_of(database: Statements, select: Select) -> dict[str, Any]:
    """The fields `total` and `total_estimated` of a list, without its page. Call it before `Select.page`."""
    bounded = f"SELECT 1 FROM ({select.sql} LIMIT {MOST_COUNTED + 1}) AS counted"  # noqa: S608  # our own text
    [[explained]] = await database.fetch(f"EXPLAIN (FORMAT JSON) {bounded}", *select.values)
    plan = json.loads(explained)[0]["Plan"]
    counted = 0
    if plan["Total Cost"] <= MOST_COST:
        [[counted]] = await database.fetch(f"SELECT count(*) FROM ({bounded}) AS rows", *select.values)  # noqa: S608
        if counted <= MOST_COUNTED:
            return {"total": counted, "total_estimated": False}
    [[explained]] = await database.fetch(f"EXPLAIN (FORMAT JSON) {select.sql}", *select.values)
    estimate = json.loads(explained)[0]["Plan"]["Plan Rows"]
    return {"total": min(max(estimate, counted), _LARGEST), "total_estimated": True}
