"""Reads the metrics of each process: the rates and durations of its requests."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import httpx2
import structlog

from mesh.telemetry.probes import PROBES
from mesh.telemetry.scrape import MAX_SCRAPE, Scrape, grown, samples

log = structlog.get_logger()

WITHIN: Final = 1.0


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
        seconds = self.now.at - self.before.at
        return {value: more / seconds for value, more in grown(self.before, self.now, name, label).items()}


@dataclass
class Metrics:
    """The metrics of all processes, by process."""

    http: httpx2.AsyncClient
    by_process: dict[str, ProcessMetrics] = field(default_factory=dict)

    async def poll(self, urls: Mapping[str, str], now: Collection[str], names: Sequence[str] = ()) -> None:
        """Read the processes in `now` once, at the same time: metrics with these names, or all.

        `urls` has all processes that there are.
        """
        for gone in self.by_process.keys() - urls.keys():
            del self.by_process[gone]
        await asyncio.gather(*(self._read(process, urls[process], names) for process in now))

    async def _read(self, process: str, url: str, names: Sequence[str]) -> None:
        kept = self.by_process.setdefault(process, ProcessMetrics())
        try:
            wanted = httpx2.URL(url).copy_merge_params({"name[]": list(names)}) if names else url
            answer = await self.http.get(wanted, timeout=WITHIN)
            answer.raise_for_status()
            found = await asyncio.to_thread(samples, answer.text[:MAX_SCRAPE])
        except (httpx2.HTTPError, ValueError) as error:
            kept.failure, kept.before, kept.now = type(error).__name__, None, None
            return
        kept.failure = ""
        without_probes = tuple(one for one in found if one[1].get("http_route") not in PROBES)
        kept.before, kept.now = kept.now, Scrape(asyncio.get_running_loop().time(), without_probes)
