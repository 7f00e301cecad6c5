"""`bench.bus` as a part of the benchmark: a call of the mesh compared with a bare request-reply of nats-py."""

import asyncio

import uvloop

from bench import bus
from bench.progress import show
from bench.reporting.results import Claim, Section, Table
from bench.reporting.rounds import spread

_TURNS = 3


async def buses(*, rounds: int) -> Section:
    """Each round has its own servers and processes. Its figure is the median of its turns."""
    of_rounds: list[list[bus.Row]] = []
    for turn in range(rounds):
        show(f"  round {turn + 1} of {rounds}")
        # On a loop of the services' kind; it counts the CPU of this whole process, the rest of which waits.
        of_rounds.append(await asyncio.to_thread(lambda: uvloop.run(bus.measure(_TURNS))))
    by_number = list(zip(*of_rounds, strict=True))
    rows = [
        [
            str(each[0].at_once),
            str(spread([row.cpu_ratio for row in each])),
            str(spread([row.throughput_ratio for row in each])),
            *(str(spread([row.mesh_cpu_us for row in each])), str(spread([row.nats_cpu_us for row in each]))),
        ]
        for each in by_number
    ]
    return Section(
        name="bus",
        title="mesh.Client.call to a worker and back, beside nats-py's request-reply alone",
        tables=[
            Table(
                columns=["at a time", "CPU: mesh / nats-py", "req/s: mesh / nats-py", "mesh CPU µs", "nats-py CPU µs"],
                rows=rows,
            )
        ],
        claims=[
            Claim(
                what=f"a call's CPU by nats-py's, {each[0].at_once} at a time",
                bound=1.0,
                measured=spread([row.cpu_ratio for row in each]),
            )
            for each in by_number
        ],
        figures={"rounds": [[vars(row) for row in rows] for rows in of_rounds]},
    )
