"""Writes samples as Prometheus or OpenMetrics text. Only a process that shows metrics imports it."""

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar

from mesh.telemetry.metrics import BOUNDS, Counts, Sample
from mesh.telemetry.metrics import Metric as Declared

OPENMETRICS: Final = "application/openmetrics-text"
_LIMITS: Final = (*map(str, BOUNDS), "+Inf")


class Exposition:
    """Writes the samples of this process, with what prometheus_client measures of the process itself."""

    def __init__(self) -> None:
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)
        GCCollector(registry=self._process)
        PlatformCollector(registry=self._process)

    def write(self, samples: Iterable[Sample], *, openmetrics: bool, whole: bool = True) -> tuple[bytes, str]:
        """The text and its media type. Only OpenMetrics has exemplars. Not `whole`: the samples alone."""
        registry = CollectorRegistry()
        registry.register(_Read(samples))
        if whole:
            registry.register(self._process)
        encode, media_type = choose_encoder(OPENMETRICS if openmetrics else "")
        return encode(registry), media_type


class _Read(Collector):
    """Samples, for prometheus_client."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._samples = samples

    def collect(self) -> Iterator[Metric]:
        """The samples of each metric together, as the format requires."""
        by_metric: dict[Declared, list[Sample]] = {}
        for sample in self._samples:
            by_metric.setdefault(sample.metric, []).append(sample)
        for metric, samples in by_metric.items():
            yield _family(metric, samples)


def _family(metric: Declared, samples: Iterable[Sample]) -> Metric:
    if metric.kind == "histogram":
        histogram = HistogramMetricFamily(metric.name, metric.meaning, labels=metric.labels)
        for sample in samples:
            if isinstance(sample.value, Counts):
                histogram.add_metric(sample.labels, [*_buckets(sample.value)], sample.value.sum)
        return histogram
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = kind(metric.name, metric.meaning, labels=metric.labels)
    for sample in samples:
        if not isinstance(sample.value, Counts):
            family.add_metric(sample.labels, sample.value)
    return family


def _buckets(counts: Counts) -> Iterator[tuple[str, float] | tuple[str, float, Exemplar]]:
    for bucket, (limit, total) in enumerate(zip(_LIMITS, accumulate(counts.buckets), strict=True)):
        if (found := counts.exemplars.get(bucket)) is None:
            yield limit, total
        else:
            yield limit, total, Exemplar({"trace_id": found.trace_id}, found.seconds, found.time)
