"""The slowest requests of each endpoint, from the histograms that processes show."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Final

from console.sources.metrics import ProcessMetrics, Scrape
from mesh.telemetry.metrics import Metric

_BUCKET: Final = "le"


def percentile(processes: Iterable[ProcessMetrics], metric: Metric, label: str, part: float) -> dict[str, float]:
    """Milliseconds that `part` of the requests between the last two scrapes did not exceed, by a label.

    Interpolated within a bucket, as Prometheus does. A label without a request is left out.
    """
    grown: dict[str, dict[float, float]] = defaultdict(lambda: defaultdict(float))
    for process in processes:
        if process.before is None or process.now is None:
            continue
        before = _buckets(process.before, metric, label)
        for name, buckets in _buckets(process.now, metric, label).items():
            for limit, total in buckets.items():
                grown[name][limit] += max(0.0, total - before.get(name, {}).get(limit, 0.0))
    return {name: 1e3 * found for name, buckets in grown.items() if (found := _within(buckets, part)) is not None}


def _buckets(scrape: Scrape, metric: Metric, label: str) -> Mapping[str, Mapping[float, float]]:
    """How many requests took at most so many seconds, by a label."""
    found: dict[str, dict[float, float]] = defaultdict(lambda: defaultdict(float))
    for name, labels, value in scrape.samples:
        if name == f"{metric.name}_bucket":
            found[labels.get(label, "")][float(labels[_BUCKET])] += value
    return found


def _within(buckets: Mapping[float, float], part: float) -> float | None:
    """The seconds; None without a request, and the largest bound if the request is slower than that."""
    cumulative = sorted(buckets.items())
    wanted = part * cumulative[-1][1]
    if not wanted:
        return None
    for (lower, below), (upper, total) in pairwise([(0.0, 0.0), *cumulative]):
        if total >= wanted:
            return lower if upper == float("inf") else lower + (upper - lower) * (wanted - below) / (total - below)
    return None
