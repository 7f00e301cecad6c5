"""Durable events: what each costs, and the consumer compared with FastStream's."""

import asyncio
from pathlib import Path

import uvloop

from bench import consuming, events
from bench.progress import show
from bench.reporting.results import Claim, Section, Table
from bench.reporting.rounds import spread

_MOST_MS = 1.5
_MOST_RATIO = 0.6


async def durable_events(home: Path, *, rounds: int, turns: int) -> Section:
    """Each round of the comparison has its own servers and processes; its figure is the median of its turns."""
    rows: list[consuming.Row] = []
    for turn in range(rounds):
        show(f"  round {turn + 1} of {rounds}: the consumer beside FastStream's")
        rows.append(await asyncio.to_thread(lambda: uvloop.run(consuming.measure(turns))))
    show("  the cost of an event")
    costs = await asyncio.to_thread(lambda: uvloop.run(events.measure(home, turns)))
    ratio = spread([row.cpu_ratio for row in rows])
    return Section(
        name="events",
        title="Durable events",
        tables=[
            Table(
                columns=["consume and acknowledge", "CPU µs an event", "events/s"],
                rows=[
                    ["mesh", _spread(rows, "mesh_cpu_us"), _spread(rows, "mesh_per_second")],
                    ["FastStream", _spread(rows, "faststream_cpu_us"), _spread(rows, "faststream_per_second")],
                    ["mesh / FastStream", str(ratio), ""],
                ],
            ),
            Table(
                columns=["writers at once", "CPU ms that an event adds to its two changes", "CPU ms with them"],
                rows=[[str(cost.writers), str(spread(cost.added)), str(spread(cost.with_events))] for cost in costs],
            ),
        ],
        claims=[
            Claim(what="a consumer's CPU by FastStream's", bound=_MOST_RATIO, measured=ratio),
            *(
                Claim(
                    what=f"CPU of outbox, relay, stream and inbox for each event, {cost.writers} writers",
                    bound=_MOST_MS,
                    measured=spread(cost.added),
                    unit=" ms",
                )
                for cost in costs
            ),
        ],
        figures={"consuming": [vars(row) for row in rows], "costs": [vars(cost) for cost in costs]},
    )


def _spread(rows: list[consuming.Row], name: str) -> str:
    return str(spread([getattr(row, name) for row in rows]))
