"""The slowest requests of each endpoint, from the histograms that processes show."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from console.sources.metrics import ProcessMetrics
from mesh.telemetry.metrics import Metric
from mesh.telemetry.scrape import LE, Scrape, estimated


def percentiles(processes: Iterable[ProcessMetrics], metric: Metric, label: str, share: float) -> dict[str, float]:
    """Milliseconds that this share of the requests between the last two scrapes did not exceed, by a label.

    The requests of all processes count together. A label without a request is left out.
    """
    grown: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for process in processes:
        if process.before is None or process.now is None:
            continue
        before = _buckets(process.before, metric, label)
        for name, buckets in _buckets(process.now, metric, label).items():
            for bound, total in buckets.items():
                grown[name][bound] += max(0.0, total - before.get(name, {}).get(bound, 0.0))
    return {name: 1e3 * found for name, buckets in grown.items() if (found := estimated(buckets, share)) is not None}


def _buckets(scrape: Scrape, metric: Metric, label: str) -> Mapping[str, Mapping[str, float]]:
    """How many requests took at most so long, by a label and a bound."""
    found: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for name, labels, value in scrape.samples:
        if name == f"{metric.name}_bucket":
            found[labels.get(label, "")][labels[LE]] += value
    return found
