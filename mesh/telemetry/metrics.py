"""The numbers that a process shows: metrics, their values, and where they are read (ADR 33).

The parts of the runtime keep plain attributes. A source reads them when somebody asks. Only histograms are kept up to
date: one costs a third of a microsecond for each request. So this module needs no library.
"""

import time
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Upper bounds in seconds, as OpenTelemetry's semantic conventions advise for HTTP and RPC."""


@dataclass(frozen=True)
class Metric:
    """The declaration of a metric. The name of a counter omits `_total`."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    meaning: str
    labels: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """The name in a query."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


class Exemplar(NamedTuple):
    """One traced observation."""

    trace_id: str
    seconds: float
    time: float
    """Unix time."""


class Counts(NamedTuple):
    """A histogram at one moment."""

    buckets: tuple[int, ...]
    """One for each bound, and one above the last."""
    sum: float
    exemplars: dict[int, Exemplar]
    """By bucket: the latest one."""


class Sample(NamedTuple):
    """One value of a metric."""

    metric: Metric
    value: float | Counts
    labels: tuple[str, ...] = ()


Source = Callable[[], Iterable[Sample]]
"""Reads the numbers of one part of the process, on the event loop."""


class Series:
    """The durations of one kind of work."""

    __slots__ = ("_buckets", "_exemplars", "_sum")

    def __init__(self) -> None:
        self._buckets = [0] * (len(BOUNDS) + 1)
        self._sum = 0.0
        self._exemplars: dict[int, Exemplar] = {}

    def observe(self, seconds: float, trace_id: str | None = None) -> None:
        """Count one duration."""
        bucket = bisect_left(BOUNDS, seconds)
        self._buckets[bucket] += 1
        self._sum += seconds
        if trace_id is not None:
            self._exemplars[bucket] = Exemplar(trace_id, seconds, time.time())

    @property
    def counts(self) -> Counts:
        """A copy of the counts."""
        return Counts(tuple(self._buckets), self._sum, dict(self._exemplars))


class Histogram:
    """The durations of a metric, by its labels. Every label must have few values."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self._series: dict[tuple[str | int, ...], Series] = {}

    def observe(self, labels: tuple[str | int, ...], seconds: float, trace_id: str | None = None) -> None:
        """Count one duration."""
        self.series(labels).observe(seconds, trace_id)

    def series(self, labels: tuple[str | int, ...]) -> Series:
        """The durations with these labels."""
        series = self._series.get(labels)
        if series is None:
            series = self._series[labels] = Series()
        return series

    def samples(self) -> Iterable[Sample]:
        """The source of this histogram."""
        return [Sample(self._metric, series.counts, tuple(map(str, labels))) for labels, series in self._series.items()]


class Metrics:
    """The sources of a process."""

    def __init__(self) -> None:
        self._sources: list[Source] = []

    def add(self, *sources: Source) -> None:
        """Read these sources too."""
        self._sources += sources

    def histogram(self, metric: Metric) -> Histogram:
        """A new histogram of the metric."""
        histogram = Histogram(metric)
        self.add(histogram.samples)
        return histogram

    def read(self, names: Collection[str] = ()) -> list[Sample]:
        """The samples now: of the metrics with these names, or all."""
        return [sample for source in self._sources for sample in source() if not names or sample.metric.name in names]
