"""Prometheus with this project's configuration reads a running mesh, and counts what the callers counted."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from httpx2 import AsyncClient, HTTPError

from devstack.stack.stack import Stack
from mesh.telemetry.catalogue import HTTP_DURATION
from ops.prometheus import TARGETS
from tests.support.load.traffic import balanced, traffic
from tests.support.paths import ROOT

PROMETHEUS: Final = shutil.which("prometheus")
FOLDER: Final = ROOT / "deploy" / "observability"
REQUESTS: Final = 1000
ROUTE: Final = "/v1/products/{product_id}/stock"
COUNT: Final = f'sum({HTTP_DURATION.name}_count{{http_route="{ROUTE}",http_response_status_code="200"}})'


def configuration(home: Path) -> str:
    """The configuration for `mesh up`, with another home, and without the waits of a laptop."""
    made = yaml.safe_load((FOLDER / "prometheus.local.yml").read_text())
    made["global"] = dict.fromkeys(made["global"], "1s")
    made["rule_files"] = [str(FOLDER / name) for name in made["rule_files"]]
    made["scrape_configs"][0]["file_sd_configs"] = [{"files": [str(home / TARGETS)]}]
    return yaml.safe_dump(made)


class Prometheus:
    """The HTTP API of a running Prometheus."""

    def __init__(self, http: AsyncClient) -> None:
        self._http = http

    async def get(self, path: str, **parameters: str) -> Any:  # noqa: ANN401  # JSON
        return (await self._http.get(path, params=parameters)).raise_for_status().json()["data"]

    async def value(self, query: str) -> float:
        """The only value of a query; 0 if it has none yet."""
        found = (await self.get("/api/v1/query", query=query))["result"]
        return float(found[0]["value"][1]) if found else 0

    async def ready(self) -> bool:
        try:
            return (await self._http.get("/-/ready")).is_success
        except HTTPError:
            return False


@asynccontextmanager
async def prometheus(home: Path, folder: Path, port: int) -> AsyncIterator[Prometheus]:
    assert PROMETHEUS
    (folder / "prometheus.yml").write_text(configuration(home))
    options = (f"--web.listen-address=127.0.0.1:{port}", f"--storage.tsdb.path={folder / 'data'}")
    with (folder / "log").open("w") as log:
        process = await asyncio.create_subprocess_exec(
            PROMETHEUS, f"--config.file={folder / 'prometheus.yml'}", *options, stdout=log, stderr=log
        )
    try:
        async with AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
            asked = Prometheus(http)
            while not await asked.ready():
                assert process.returncode is None, (folder / "log").read_text()
                await asyncio.sleep(0.05)
            yield asked
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.skipif(PROMETHEUS is None, reason="needs Prometheus: apt-get install prometheus")
async def test_prometheus_counts_what_the_callers_counted(stack: Stack, tmp_path: Path, unused_tcp_port: int) -> None:
    async with prometheus(stack.state.home, tmp_path, unused_tcp_port) as asked, balanced(stack) as http:
        while len(stack.state.metrics_urls) > await asked.value("sum(up)"):
            await asyncio.sleep(0.1)
        before = await asked.value(COUNT)
        async with traffic([partial(http.kind, "GET", ROUTE.format(product_id=1))]) as load:
            await load.more(REQUESTS, "ok")
        counted = len(load.outcomes.of({"ok"}))

        async def seen() -> float:
            return await asked.value(COUNT) - before

        while counted * 0.97 > await seen():
            await asyncio.sleep(0.1)
        await until_scraped_again(asked)
        assert pytest.approx(counted, rel=0.03) == await seen()
        while 0 == await asked.value("mesh:http_requests:rate5m"):
            await asyncio.sleep(0.1)
        rules = [rule for group in (await asked.get("/api/v1/rules"))["groups"] for rule in group["rules"]]
        assert [] == [(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] == "err"]


async def until_scraped_again(asked: Prometheus) -> None:
    """Wait until every number is newer than this call: a scrape counts no request twice."""
    now = await asked.value("vector(time())")
    while now > await asked.value("min(timestamp(up))"):
        await asyncio.sleep(0.1)
