"""The lower limit of all systems: asyncpg by key alone, in a process of its own."""

import asyncio
import json
import sys
import time

import asyncpg
import uvloop

from bench import usage
from bench.errors import BenchError
from bench.progress import show
from bench.reporting.results import Section, Table
from bench.reporting.rounds import spread
from devstack.stack.stack import Stack

_AT_ONCE = 10  # as many as the services have connections
_QUERY = """
    SELECT customer_id, company_name, contact_name, contact_title, address, city, region, postal_code, country, phone,
           fax, version, archived_at
    FROM customers WHERE customer_id = $1 AND archived_at IS NULL
"""


async def limits(stack: Stack, *, rounds: int, seconds: float) -> Section:
    """How fast the driver alone reads a row by its key."""
    rates: list[float] = []
    client: list[float] = []
    server: list[float] = []
    for turn in range(rounds):
        show(f"  round {turn + 1} of {rounds}")
        postgres = {"postgres": stack.state.processes["postgres"]}
        before = usage.cpu(postgres)["postgres"]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.sections.limits", str(seconds)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await process.communicate(stack.state.databases["customers"].encode())
        if process.returncode != 0:
            raise BenchError("the queries by key failed")
        came = json.loads(said)
        rates.append(came["queries"] / seconds)
        client.append(came["cpu"] * 1e6 / came["queries"])
        server.append((usage.cpu(postgres)["postgres"] - before) * 1e6 / came["queries"])
    row = ["asyncpg, a customer by key", *(str(spread(each)) for each in (rates, client, server))]
    return Section(
        name="limits",
        title=f"The limits: asyncpg by key alone, {_AT_ONCE} at a time",
        tables=[Table(columns=["what", "queries/s", "CPU µs of the process", "CPU µs of PostgreSQL"], rows=[row])],
        figures={"queries/s": rates, "client": client, "server": server},
    )


async def _query(url: str, seconds: float) -> dict[str, float]:
    async with asyncpg.create_pool(url, min_size=_AT_ONCE, max_size=_AT_ONCE) as pool:
        until = time.monotonic() + seconds

        async def reader() -> int:
            count = 0
            while time.monotonic() < until:
                await pool.fetchrow(_QUERY, "ALFKI")
                count += 1
            return count

        cpu = time.process_time()
        queries = sum(await asyncio.gather(*(reader() for _ in range(_AT_ONCE))))
        return {"queries": queries, "cpu": time.process_time() - cpu}


if __name__ == "__main__":
    # The URL contains a password, so it is read from standard input: everyone can see a process's arguments.
    print(json.dumps(uvloop.run(_query(sys.stdin.read(), float(sys.argv[1])))))  # noqa: T201
