"""Memory of each process under sustained load."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from statistics import median

from bench import usage
from bench.load import Target, saturate
from bench.progress import show
from bench.reporting.results import Claim, Section, Table
from bench.reporting.rounds import Spread
from bench.tokens import Tokens
from devstack.stack.stack import Stack

_CONNECTIONS = 8
_STRETCH = 30  # seconds; then the token may be a new one
_EVERY = 5.0  # seconds
_MOST_GROWTH = 8.0
"""MiB between the second and the last fifth of the time: the normal variation of a heap."""


async def lasting(stack: Stack, tokens: Tokens, paths: Sequence[str], *, minutes: int) -> Section:
    """Memory under continuous reads of customers and products. Databases fill their caches, and have no bound."""
    seen: list[dict[str, float]] = []

    async def watch() -> None:
        while True:
            seen.append(usage.memory(stack.state.processes))
            await asyncio.sleep(_EVERY)

    watching = asyncio.create_task(watch())
    failures = requests = 0
    for turn in range(minutes * 60 // _STRETCH):
        show(f"  {turn * _STRETCH} s of {minutes * 60} s")
        customer = Target(stack.state.gateway_url, paths, await tokens.headers())
        products = Target(stack.state.gateway_url, ["/v1/products?limit=50"])
        came = await saturate(customer, products, seconds=_STRETCH, connections=_CONNECTIONS)
        failures, requests = failures + came.failures, requests + came.requests
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching
    return _section(seen, minutes, f"{requests} requests, {failures} of them failed")


def _section(seen: Sequence[Mapping[str, float]], minutes: int, note: str) -> Section:
    fifth = len(seen) // 5
    rows, growths = [], {}
    for name in seen[0]:
        early = median(each[name] for each in seen[fifth : 2 * fifth])
        late = median(each[name] for each in seen[-fifth:])
        growths[name] = late - early
        rows.append([name, *(f"{value:.1f}" for value in (seen[0][name], early, late, late - early))])
    judged = {name: growth for name, growth in growths.items() if name not in ("postgres", "mongo")}
    most = max(judged, key=lambda name: judged[name])
    return Section(
        name="memory",
        title=f"Memory in MiB over {minutes} minutes of load",
        notes=[note],
        tables=[Table(columns=["process", "at first", "second fifth", "last fifth", "growth"], rows=rows)],
        claims=[
            Claim(
                what=f"growth of the process that grew most ({most})",
                bound=_MOST_GROWTH,
                measured=Spread(judged[most], min(judged.values()), judged[most]),
                unit=" MiB",
            )
        ],
        figures={"every": _EVERY, "memory": list(seen)},
    )
