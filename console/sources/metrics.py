"""Reads the metrics of each process: the rates and durations of its requests."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx2
import structlog
from prometheus_client.parser import text_string_to_metric_families

log = structlog.get_logger()

WITHIN: Final = 1.0
_LARGEST: Final = 4 * 1024 * 1024

Sample = tuple[str, Mapping[str, str], float]


@dataclass(frozen=True)
class Scrape:
    """The samples of one process at one time."""

    at: float
    """Seconds of the event loop."""
    samples: tuple[Sample, ...] = ()

    def total(self, name: str, **labels: str) -> float:
        """The sum of the samples with this name and these labels."""
        return sum(value for _, _, value in self._matching(name, labels))

    def by(self, name: str, label: str) -> dict[str, float]:
        """The sums of the samples with this name, by a label."""
        sums: dict[str, float] = {}
        for _, about, value in self._matching(name, {}):
            sums[about.get(label, "")] = sums.get(about.get(label, ""), 0.0) + value
        return sums

    def _matching(self, name: str, labels: Mapping[str, str]) -> Iterable[Sample]:
        return [
            one
            for one in self.samples
            if one[0] == name and all(one[1].get(label) == value for label, value in labels.items())
        ]


@dataclass
class ProcessMetrics:
    """The last two scrapes of a process, whose difference gives rates."""

    before: Scrape | None = None
    now: Scrape | None = None
    failure: str = "not read yet"

    def rate(self, name: str, **labels: str) -> float | None:
        """Growth a second of a counter between the last two scrapes; None before there are two."""
        if self.before is None or self.now is None or self.now.at <= self.before.at:
            return None
        grown = self.now.total(name, **labels) - self.before.total(name, **labels)
        return max(0.0, grown) / (self.now.at - self.before.at)


@dataclass
class Metrics:
    """The metrics of all processes, by process."""

    http: httpx2.AsyncClient
    by_process: dict[str, ProcessMetrics] = field(default_factory=dict)

    async def poll(self, urls: Mapping[str, str]) -> None:
        """Read every process once, at the same time."""
        for gone in self.by_process.keys() - urls.keys():
            del self.by_process[gone]
        await asyncio.gather(*(self._read(process, url) for process, url in urls.items()))

    async def _read(self, process: str, url: str) -> None:
        kept = self.by_process.setdefault(process, ProcessMetrics())
        try:
            answer = await self.http.get(url, timeout=WITHIN)
            answer.raise_for_status()
            samples = await asyncio.to_thread(_samples, answer.text[:_LARGEST])
        except (httpx2.HTTPError, ValueError) as error:
            kept.failure, kept.before, kept.now = type(error).__name__, None, None
            return
        kept.failure = ""
        kept.before, kept.now = kept.now, Scrape(asyncio.get_running_loop().time(), samples)


def _samples(text: str) -> tuple[Sample, ...]:
    return tuple(
        (sample.name, sample.labels, float(sample.value))
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    )
