"""Scaling: the effect of a second gateway and a second worker on this machine."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from bench.comparison import disturbed, sample
from bench.load import CONNECTIONS, Target, saturate
from bench.progress import show
from bench.reporting.results import Sample, Section, Table
from bench.reporting.rounds import paired, rotated, spread
from bench.sections.http import CUSTOMER
from bench.systems import mesh, ours
from bench.tokens import Tokens
from devstack.stack.settings import ServiceName


@dataclass(frozen=True)
class Size:
    """How many processes of each kind."""

    gateways: int = 1
    workers: int = 1
    nats_nodes: int = 1

    @property
    def replicas(self) -> dict[ServiceName, int]:
        """As `--replicas` of the stack."""
        return {"gateway": self.gateways, "customers": self.workers}

    def __str__(self) -> str:
        return f"{self.gateways} gateway, {self.workers} customers, {self.nats_nodes} NATS"


_SIZES = (Size(), Size(workers=2), Size(gateways=2), Size(gateways=2, workers=2), Size(nats_nodes=3))
_KINDS = ("gateway", "customers", "nats", "postgres")


async def scaling(home: Path, *, rounds: int, seconds: float) -> Section:
    """Saturate the customer by key on each size in turn. The load is divided among the gateways."""
    measured: dict[Size, list[Sample]] = {size: [] for size in _SIZES}
    for turn in range(rounds):
        for size in rotated(_SIZES, turn):
            show(f"  round {turn + 1} of {rounds}: {size}")
            measured[size].append(await _measure(home, size, turn, seconds))
    rates = {size: [one.rate for one in of] for size, of in measured.items()}
    rows = [
        [
            str(size),
            str(spread(rates[size])),
            str(paired(rates[size], rates[_SIZES[0]])),
            str(spread([one.total_cpu for one in of])),
            *(f"{median(_cpu(one, kind) for one in of):.0f}" for kind in _KINDS),
            *(f"{median(_cpu(one, kind) * one.rate / 1e6 for one in of):.2f}" for kind in _KINDS),
        ]
        for size, of in measured.items()
    ]
    costs, cores = [f"{kind} µs" for kind in _KINDS], [f"{kind} cores" for kind in _KINDS]
    return Section(
        name="scaling",
        title="More processes: GET /v1/customers/{customer_id}, saturating",
        notes=[
            "The load itself takes its share of the machine's cores, wrk one process for each gateway.",
            *disturbed([one for of in measured.values() for one in of]),
        ],
        tables=[
            Table(columns=["processes", "req/s", "by the first's", "CPU µs/req", *costs, *cores], rows=rows),
        ],
        figures={str(size): [one.model_dump() for one in of] for size, of in measured.items()},
    )


async def _measure(home: Path, size: Size, turn: int, seconds: float) -> Sample:
    async with mesh(home, size.replicas, size.nats_nodes) as stack:
        tokens = Tokens(stack)
        headers, paths = await tokens.headers(), CUSTOMER.paths(await tokens.customers())
        targets = [Target(url, paths, headers) for url in stack.state.gateway_urls]
        load = partial(saturate, *targets, connections=CONNECTIONS // len(targets))
        await load(seconds=2)
        return await sample(ours(stack), "saturating", turn, load(seconds=seconds))


def _cpu(one: Sample, kind: str) -> float:
    """Microseconds per request of all processes of a kind: gateway-1 and gateway-2 are gateways."""
    return sum(value for name, value in one.cpu.items() if name.partition("-")[0] == kind)
