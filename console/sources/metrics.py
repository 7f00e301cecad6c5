"""Reads the metrics of each process: the rates and durations of its requests."""

import asyncio
from collections.abc import Mapping
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

    def by(self, name: str, label: str) -> dict[str, float]:
        """The sums of the samples with this name, by a label."""
        sums: dict[str, float] = {}
        for sample, labels, value in self.samples:
            if sample == name:
                sums[labels.get(label, "")] = sums.get(labels.get(label, ""), 0.0) + value
        return sums


@dataclass
class ProcessMetrics:
    """The last two scrapes of a process, whose difference gives rates."""

    before: Scrape | None = None
    now: Scrape | None = None
    failure: str = "not read yet"

    def rates(self, name: str, label: str) -> dict[str, float]:
        """Growth a second of a counter by a label; empty before there are two scrapes."""
        if self.before is None or self.now is None or self.now.at <= self.before.at:
            return {}
        before, seconds = self.before.by(name, label), self.now.at - self.before.at
        grown = self.now.by(name, label).items()
        return {value: max(0.0, total - before.get(value, 0.0)) / seconds for value, total in grown}


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
