"""From one process of a kind to two: what a second gateway and a second worker bring on this machine."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from bench import usage
from bench.http import CUSTOMER
from bench.load import CONNECTIONS, Target, saturate
from bench.progress import tell
from bench.results import Section, Table
from bench.rounds import paired, rotated, spread
from bench.systems import mesh
from bench.tokens import Tokens
from devstack.settings import ServiceName

_SIZES: Mapping[str, Mapping[ServiceName, int]] = {
    "1 gateway, 1 worker": {},
    "1 gateway, 2 workers": {"customers": 2},
    "2 gateways, 1 worker": {"gateway": 2},
    "2 gateways, 2 workers": {"gateway": 2, "customers": 2},
}
_KINDS = ("gateway", "customers", "nats", "postgres")


async def scaling(home: Path, *, rounds: int, seconds: float) -> Section:
    """Saturate the customer by key on each size in turn; the load is shared out among the gateways."""
    rates: dict[str, list[float]] = {name: [] for name in _SIZES}
    costs: dict[str, list[float]] = {name: [] for name in _SIZES}
    cores: dict[str, list[dict[str, float]]] = {name: [] for name in _SIZES}
    for turn in range(rounds):
        for name in rotated(list(_SIZES), turn):
            tell(f"  round {turn + 1} of {rounds}: {name}")
            rate, used = await _measure(home, _SIZES[name], seconds)
            rates[name].append(rate)
            costs[name].append(sum(used.values()) * 1e6 / rate)
            cores[name].append(used)
    first = next(iter(_SIZES))
    rows = [
        [
            name,
            str(spread(rates[name])),
            str(paired(rates[name], rates[first])),
            str(spread(costs[name])),
            *(f"{spread([used[kind] for used in cores[name]]).median:.2f}" for kind in _KINDS),
        ]
        for name in _SIZES
    ]
    columns = ["processes", "req/s", f"by that of {first}", "CPU µs/req", *(f"cores: {kind}" for kind in _KINDS)]
    return Section(
        name="scaling",
        title="More processes: GET /v1/customers/{customer_id}, saturating",
        notes=["The load itself takes its share of the machine's cores, wrk one process for each gateway."],
        tables=[Table(columns=columns, rows=rows)],
        figures={"rates": rates, "cores": cores},
    )


async def _measure(home: Path, replicas: Mapping[ServiceName, int], seconds: float) -> tuple[float, dict[str, float]]:
    """Answers a second, and the cores that each kind of process was busy on."""
    async with mesh(home, replicas) as stack:
        tokens = Tokens(stack)
        headers, paths = await tokens.headers(), CUSTOMER.paths(await tokens.customers())
        targets = [Target(url, paths, headers) for url in stack.state.gateway_urls]
        load = partial(saturate, *targets, connections=CONNECTIONS // len(targets))
        await load(seconds=2)
        before = usage.cpu(stack.state.processes)
        came = await load(seconds=seconds)
        after = usage.cpu(stack.state.processes)
    used = dict.fromkeys((*_KINDS, "others"), 0.0)
    for name in before:
        kind = name.partition("-")[0]
        used[kind if kind in _KINDS else "others"] += (after[name] - before[name]) / came.seconds
    return came.rate, used
