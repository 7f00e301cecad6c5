"""Ours and the peers side by side: alternating rounds, and tables of paired ratios."""

import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench import usage
from bench.load import Load, Target, pace, saturate
from bench.progress import show
from bench.reporting.results import LoadKind, Sample, Table
from bench.reporting.rounds import Spread, paired, rotated, spread
from bench.systems import OURS, System

Aim = Callable[[System], Awaitable[Target]]
"""Returns the requests for a system."""
Metric = Callable[[Sample], float]

METRICS: Mapping[str, Metric] = {
    "req/s": lambda sample: sample.rate,
    "p50 ms": lambda sample: sample.p50,
    "p99 ms": lambda sample: sample.p99,
    "CPU µs/req": lambda sample: sample.total_cpu,
    "memory MiB": lambda sample: sample.total_memory,
}
_UNDISTURBED = 0.1  # cores
_WARM = 1.0  # seconds, before each system's turn
_FIRST_WARM = 3.0  # before the first round: V8 compiles what is hot


@dataclass(frozen=True)
class Plan:
    """Number and length of the runs, in seconds. `rate` is that of the paced runs; None for none."""

    rounds: int
    saturating: float
    paced: float = 0.0
    rate: float | None = None


async def compare(systems: Sequence[System], aim: Aim, plan: Plan) -> list[Sample]:
    """Measure each system in each round: first at the fixed rate, then saturated."""
    samples = []
    for system in systems:
        await saturate(await aim(system), seconds=_FIRST_WARM)
    for turn in range(plan.rounds):
        for system in rotated(systems, turn):
            show(f"  round {turn + 1} of {plan.rounds}: {system.name}")
            target = await aim(system)
            await saturate(target, seconds=_WARM)
            if plan.rate is not None:
                samples.append(await sample(system, "paced", turn, pace(target, rate=plan.rate, seconds=plan.paced)))
            samples.append(await sample(system, "saturating", turn, saturate(target, seconds=plan.saturating)))
    return samples


async def sample(system: System, kind: LoadKind, turn: int, load: Awaitable[Load]) -> Sample:
    """Put load on a system and measure the cost."""
    before, rest, begun = usage.cpu(system.processes), _rest(), time.monotonic()
    came = await load
    after = usage.cpu(system.processes)
    used = sum(after.values()) - sum(before.values())
    others = max(0.0, _rest() - rest - used) / (time.monotonic() - begun)
    return Sample(
        system=system.name,
        load=kind,
        turn=turn,
        requests=came.requests,
        failures=came.failures,
        rate=came.rate,
        p50=came.p50,
        p99=came.p99,
        cpu={name: (after[name] - before[name]) * 1e6 / max(1, came.requests) for name in before},
        memory=usage.memory(system.processes),
        others=others,
    )


def _rest() -> float:
    return usage.machine() - usage.load()


def disturbed(samples: Sequence[Sample]) -> list[str]:
    """A note on the machine's other work, if it was more than a few percent of a core."""
    others = spread([sample.others for sample in samples])
    if others.median < _UNDISTURBED:
        return []
    return [f"**The machine had other work**, on {others} of its {os.cpu_count()} cores: not for quoting."]


def values(samples: Sequence[Sample], system: str, load: LoadKind, metric: Metric) -> list[float]:
    """A metric of a system, round by round."""
    chosen = (sample for sample in samples if sample.system == system and sample.load == load)
    return [metric(sample) for sample in sorted(chosen, key=lambda sample: sample.turn)]


def ratio(samples: Sequence[Sample], peer: str, load: LoadKind, metric: Metric) -> Spread:
    """Our value divided by a peer's."""
    return paired(values(samples, OURS, load, metric), values(samples, peer, load, metric))


def systems_of(samples: Sequence[Sample]) -> list[str]:
    """The measured systems, ours first."""
    return sorted({sample.system for sample in samples}, key=lambda name: (name != OURS, name))


def tables(samples: Sequence[Sample]) -> list[Table]:
    """For each kind of load: the paired ratios, and the numbers they come from."""
    kinds: list[LoadKind] = ["paced", "saturating"]
    made = []
    for kind in kinds:
        names = systems_of([sample for sample in samples if sample.load == kind])
        if not names:
            continue
        ratios = [
            [f"{OURS} / {peer}", *(str(ratio(samples, peer, kind, metric)) for metric in METRICS.values())]
            for peer in names[1:]
        ]
        numbers = [
            [name, *(str(spread(values(samples, name, kind, metric))) for metric in METRICS.values())] for name in names
        ]
        made.append(Table(columns=[kind, *METRICS], rows=[*ratios, *numbers]))
        made.append(_by_process(samples, names, kind))
    return made


def _by_process(samples: Sequence[Sample], names: Sequence[str], kind: LoadKind) -> Table:
    """Where the CPU goes, in microseconds per request: medians."""
    processes = list(dict.fromkeys(name for sample in samples for name in sample.cpu))
    rows = [[name, *(_share(samples, name, kind, process) for process in processes)] for name in names]
    return Table(columns=[f"{kind}: CPU µs/req", *processes], rows=rows)


def _share(samples: Sequence[Sample], system: str, kind: LoadKind, process: str) -> str:
    shares = values(samples, system, kind, lambda sample: sample.cpu.get(process, 0.0))
    return f"{median(shares):.0f}"
