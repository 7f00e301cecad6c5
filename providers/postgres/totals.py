"""How many rows a list has on all pages: counted if that is cheap, or else PostgreSQL's estimate."""

import json
from typing import Any, Final

from providers.postgres.database import Statements
from providers.postgres.keyset import Select

MOST_COUNTED: Final = 10_000
"""Rows. Beyond them a list has an estimate."""
MOST_COST: Final = 20_000
"""PostgreSQL's units of cost to count all that matches: some 100 ms of CPU. If it costs more, nothing is counted.

The cost up to a limit says less: a condition that few rows fit, other than the planner expects, reads them all.
"""
_LARGEST: Final = 2**31 - 1


async def total_of(database: Statements, select: Select) -> dict[str, Any]:
    """The fields `total` and `total_estimated` of a list, without its page. Call it before `Select.page`."""
    # Without columns, as for the count: an index may have all that it needs, and no sum of another table is computed.
    [[explained]] = await database.fetch(f"EXPLAIN (FORMAT JSON) SELECT FROM ({select.sql}) AS rows", *select.values)
    plan, counted = json.loads(explained)[0]["Plan"], 0
    if plan["Total Cost"] <= MOST_COST:
        bounded = f"SELECT count(*) FROM ({select.sql} LIMIT {MOST_COUNTED + 1}) AS rows"  # noqa: S608  # our own text
        [[counted]] = await database.fetch(bounded, *select.values)
        if counted <= MOST_COUNTED:
            return {"total": counted, "total_estimated": False}
    return {"total": min(max(plan["Plan Rows"], counted), _LARGEST), "total_estimated": True}
