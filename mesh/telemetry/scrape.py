"""Reads the metrics that a process shows (ADR 33), and says what grew between two readings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

MAX_SCRAPE: Final = 4 * 1024 * 1024
"""Bytes of one answer. What comes after them is not read."""

LE: Final = "le"
"""The label of a bucket: its upper bound."""
_INFINITE: Final = "+Inf"

Value = tuple[str, Mapping[str, str], float]


@dataclass(frozen=True)
class Scrape:
    """The samples of one process at one time."""

    at: float
    """Seconds of a clock that only goes forward."""
    samples: tuple[Value, ...] = ()

    def by(self, name: str, label: str) -> dict[str, float]:
        """The sums of the samples with this name, by a label."""
        sums: dict[str, float] = {}
        for sample, labels, value in self.samples:
            if sample == name:
                sums[labels.get(label, "")] = sums.get(labels.get(label, ""), 0.0) + value
        return sums

    def sum(self, name: str) -> float | None:
        """The sum of the samples with this name; None without any."""
        found = [value for sample, _, value in self.samples if sample == name]
        return sum(found) if found else None


def samples(text: str) -> tuple[Value, ...]:
    """The samples of a text in the format of Prometheus. Raises ValueError if it is none."""
    return tuple(
        (sample.name, sample.labels, float(sample.value))
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    )


def grown(before: Scrape | None, now: Scrape, name: str, label: str) -> dict[str, float]:
    """How much a counter grew by each value of a label; since the start of the process without `before`."""
    old = before.by(name, label) if before else {}
    return {value: max(0.0, total - old.get(value, 0.0)) for value, total in now.by(name, label).items()}


def quantile(before: Scrape | None, now: Scrape, histogram: str, share: float) -> float | None:
    """The duration in seconds that this share of the observations does not exceed, as `estimated`."""
    return estimated(grown(before, now, f"{histogram}_bucket", LE), share)


def estimated(buckets: Mapping[str, float], share: float) -> float | None:
    """What this share of the observations does not exceed, as Prometheus estimates it. `buckets` counts them by bound.

    Between the bounds of a bucket it is interpolated; above the last bound it is that bound. None without observations.
    """
    by_bound = dict(buckets)
    total = by_bound.pop(_INFINITE, 0.0)
    if not total:
        return None
    wanted, lower, below = share * total, 0.0, 0.0
    for bound, count in sorted((float(text), count) for text, count in by_bound.items()):
        if count >= wanted:
            return lower + (bound - lower) * (wanted - below) / (count - below) if count > below else bound
        lower, below = bound, count
    return lower
