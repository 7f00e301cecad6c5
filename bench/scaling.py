"""From one process of a kind to two: what a second gateway and a second worker bring on this machine."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from bench import usage
from bench.http import CUSTOMER
from bench.load import CONNECTIONS, Target, saturate
from bench.progress import tell
from bench.results import Section, Table
from bench.rounds import paired, rotated, spread
from bench.systems import mesh
from bench.tokens import Tokens
from devstack.settings import ServiceName


@dataclass(frozen=True)
class Size:
    """How many processes of each kind."""

    gateways: int = 1
    workers: int = 1
    nats_nodes: int = 1

    @property
    def replicas(self) -> dict[ServiceName, int]:
        """As the stack is told."""
        return {"gateway": self.gateways, "customers": self.workers}

    def __str__(self) -> str:
        return f"{self.gateways} gateway, {self.workers} customers, {self.nats_nodes} NATS"


_SIZES = (Size(), Size(workers=2), Size(gateways=2), Size(gateways=2, workers=2), Size(nats_nodes=3))
_KINDS = ("gateway", "customers", "nats", "postgres")


async def scaling(home: Path, *, rounds: int, seconds: float) -> Section:
    """Saturate the customer by key on each size in turn; the load is shared out among the gateways."""
    measured: dict[Size, list[tuple[float, dict[str, float]]]] = {size: [] for size in _SIZES}
    for turn in range(rounds):
        for size in rotated(_SIZES, turn):
            tell(f"  round {turn + 1} of {rounds}: {size}")
            measured[size].append(await _measure(home, size, seconds))
    rates = {size: [rate for rate, _ in of] for size, of in measured.items()}
    rows = [
        [
            str(size),
            str(spread(rates[size])),
            str(paired(rates[size], rates[_SIZES[0]])),
            str(spread([sum(used.values()) * 1e6 / rate for rate, used in of])),
            *(f"{median(used[kind] * 1e6 / rate for rate, used in of):.0f}" for kind in _KINDS),
            *(f"{median(used[kind] for _, used in of):.2f}" for kind in _KINDS),
        ]
        for size, of in measured.items()
    ]
    costs, cores = [f"{kind} µs" for kind in _KINDS], [f"{kind} cores" for kind in _KINDS]
    columns = ["processes", "req/s", "by the first's", "CPU µs/req", *costs, *cores]
    return Section(
        name="scaling",
        title="More processes: GET /v1/customers/{customer_id}, saturating",
        notes=["The load itself takes its share of the machine's cores, wrk one process for each gateway."],
        tables=[Table(columns=columns, rows=rows)],
        figures={str(size): of for size, of in measured.items()},
    )


async def _measure(home: Path, size: Size, seconds: float) -> tuple[float, dict[str, float]]:
    """Answers a second, and the cores that each kind of process was busy on."""
    async with mesh(home, size.replicas, size.nats_nodes) as stack:
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
