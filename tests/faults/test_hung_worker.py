"""A worker that hangs: its own callers hear so, first by their deadline and then at once; nobody else notices."""

import asyncio
from asyncio import get_running_loop
from functools import partial

import psutil
import pytest
from httpx2 import AsyncClient

from subjects import PRODUCTS_GET
from tests.e2e.people import log_in
from tests.faults.conftest import Figures, long_only
from tests.faults.single import EMAIL, PASSWORD, http_to, single
from tests.faults.traffic import Ask, traffic

LATE = 1.5
"""Seconds by which an answer may miss its deadline on a machine that is busy with other things as well."""
NOISE = 0.05
"""Seconds of a 99th percentile that are the machine's."""
AT_ONCE = 0.3
"""Seconds in which a refusal has come, on a machine that is busy with other things as well."""

REFUSED = {"503 circuit_open", "503 no_responders"}
"""What is said at once: by the breaker, or by NATS once it has cut the worker off."""


@long_only
async def test_a_hung_worker_costs_its_own_callers_alone(
    tmp_path_factory: pytest.TempPathFactory, figures: Figures
) -> None:
    count = 1000 if figures.long else 150
    async with single(tmp_path_factory.mktemp("hung")) as mesh, http_to(mesh) as http:
        async with AsyncClient(base_url=mesh.url, timeout=20) as client:
            tokens = await log_in(client, EMAIL, PASSWORD)
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        others: list[Ask] = [
            partial(http.kind, "GET", "/v1/customers/ALFKI", headers=headers),
            partial(http.kind, "GET", "/v1/auth/me", headers=headers),
        ]
        own: list[Ask] = [partial(http.kind, "GET", "/v1/products/1")]
        async with traffic(others, at_once=2, pause=0.01) as there, traffic(own, at_once=8, pause=0.05) as here:
            await there.more(count, "ok")
            products = psutil.Process(mesh.pid("products"))
            products.suspend()
            frozen_at = get_running_loop().time()
            try:
                while len(here.outcomes.of(REFUSED).begun(after=frozen_at)) < 50:
                    await asyncio.sleep(0.01)
                await there.more(count, "ok")
            finally:
                thawed_at = get_running_loop().time()
                products.resume()
            await here.more(20, "ok")

    usual = there.outcomes.begun(before=frozen_at).percentile(99)
    meanwhile = there.outcomes.begun(after=frozen_at, before=thawed_at).percentile(99)
    broken = here.outcomes.of(REFUSED).begun(after=frozen_at)
    figures.add(
        "a worker hangs",
        others_p99_before_ms=round(usual * 1000, 1),
        others_p99_meanwhile_ms=round(meanwhile * 1000, 1),
        refused_at_once_p50_ms=round(broken.percentile(50) * 1000, 1),
        **here.outcomes.figures(),
    )
    assert {} == there.outcomes.failed()
    assert meanwhile < 2 * usual + NOISE
    assert max(one.seconds for one in here.outcomes.begun(after=frozen_at)) > 1  # they waited for it at first
    assert here.outcomes.percentile(100) < PRODUCTS_GET.timeout + LATE
    assert broken.percentile(50) < AT_ONCE
    assert {"503", "504"} >= {kind.partition(" ")[0] for kind in here.outcomes.failed()}
