"""Reads the metrics of the processes that stack.json names."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from typing import Final
from urllib.request import ProxyHandler, Request, build_opener

from mesh.telemetry.scrape import MAX_SCRAPE, Scrape, samples

_WITHIN: Final = 1.0
"""Seconds for one process to answer."""
_AT_ONCE: Final = 16


def scraped(urls: Mapping[str, str]) -> dict[str, Scrape | None]:
    """The metrics of each process, all read at once. None for one that does not answer, or not with metrics."""
    if not urls:
        return {}
    with ThreadPoolExecutor(min(len(urls), _AT_ONCE)) as pool:
        return dict(zip(urls, pool.map(_scrape, urls.values()), strict=True))


def _scrape(url: str) -> Scrape | None:
    opener = build_opener(ProxyHandler({}))  # a proxy knows nothing of this machine's ports
    try:
        with opener.open(Request(url), timeout=_WITHIN) as answer:  # noqa: S310  # from stack.json, which is ours
            text = answer.read(MAX_SCRAPE).decode(errors="replace")
        return Scrape(time.monotonic(), samples(text))
    except (OSError, HTTPException, ValueError):
        return None
