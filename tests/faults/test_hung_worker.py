"""A worker that hangs: its own callers hear so, first by their deadline and then at once; nobody else notices."""

import os
from asyncio import get_running_loop
from collections.abc import AsyncIterator
from functools import partial
from signal import SIGUSR1, SIGUSR2

import pytest
from httpx2 import AsyncClient

from ops.process import ServerName
from subjects import PRODUCTS_GET
from tests.faults.connections import until_connected
from tests.faults.meshes import Mesh
from tests.faults.single import EMAIL, MODULES, PASSWORD, Single, http_to, single
from tests.support.http.people import bearer, log_in
from tests.support.load.figures import Figures
from tests.support.load.traffic import Ask, Balancer, traffic
from tests.support.long_form import LONG

LATE = 1.5
"""Seconds by which an answer may miss its deadline on a machine that is busy with other things as well."""
AT_ONCE = 0.3
"""Seconds in which a refusal has come, on a machine that is busy with other things as well."""
DEADLINE = PRODUCTS_GET.timeout if LONG else 1.0
REST = 1.0
"""GATEWAY_BREAKER_REST: seconds until a call may try whether a service answers again."""


async def test_a_hung_service_costs_its_own_callers_alone(pairs: Mesh, figures: Figures) -> None:
    count = 2000 if figures.long else 50
    others: list[Ask] = [
        partial(pairs.http.kind, "GET", "/v1/customers/ALFKI", headers=pairs.bearer),
        partial(pairs.http.kind, "GET", "/v1/auth/me", headers=pairs.bearer),
    ]
    own: list[Ask] = [partial(pairs.http.kind, "GET", "/v1/products/1")]
    replicas = ("products-1", "products-2")
    async with traffic(others, at_once=2, pause=0.01) as there, traffic(own, at_once=8, pause=0.05) as here:
        await there.more(count, "ok")
        figures.tell("both products workers are frozen")
        for name in replicas:
            pairs.stack.freeze(name)
        frozen_at = get_running_loop().time()
        try:
            await until_connected(pairs.stack, "products", 0)
            await here.more(8)  # whoever still waited has an answer
            cut_off_at = get_running_loop().time()
            await here.more(20)
            await there.more(count, "ok")
        finally:
            thawed_at = get_running_loop().time()
            for name in replicas:
                pairs.stack.thaw(name)
        await until_connected(pairs.stack, "products", len(replicas))
        await here.more(20, "ok")

    usual = there.outcomes.begun(before=frozen_at).percentile(99)
    meanwhile = there.outcomes.begun(after=frozen_at, before=thawed_at).percentile(99)
    refused = here.outcomes.begun(after=cut_off_at).ended(before=thawed_at)
    figures.add(
        "a service hangs",
        others_p99_before_ms=round(usual * 1000, 1),
        others_p99_meanwhile_ms=round(meanwhile * 1000, 1),
        refused_p50_ms=round(refused.percentile(50) * 1000, 1),
        **here.outcomes.figures(),
    )
    assert {} == there.outcomes.failed()
    assert max(one.seconds for one in here.outcomes.begun(after=frozen_at)) > 1  # they waited for it at first
    assert here.outcomes.percentile(100) < PRODUCTS_GET.timeout + LATE
    assert {"503 no_responders", "503 circuit_open"} >= refused.counts().keys()
    assert refused.percentile(50) < AT_ONCE
    assert {"503", "504"} >= {kind.partition(" ")[0] for kind in here.outcomes.failed()}
    if figures.long:  # fewer are too few to compare speeds
        assert meanwhile <= 2 * usual


@pytest.fixture
async def hanging(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Single]:
    """A products worker whose handlers may hang; in the long form with the others beside it."""
    services = {**(MODULES if LONG else {}), "products": "tests.faults.hanging_products"}
    only: list[ServerName] = ["nats", "postgres", "mongo"] if LONG else ["nats"]
    gateway = {"GATEWAY_TIMEOUT": str(DEADLINE), "GATEWAY_BREAKER_REST": str(REST)}
    async with single(tmp_path_factory.mktemp("hanging"), only, services, gateway) as hanging:
        yield hanging


async def others_than_products(hanging: Single, http: Balancer) -> list[Ask]:
    """What is asked of those that work."""
    if not LONG:
        return [partial(http.kind, "GET", "/healthz")]
    async with AsyncClient(base_url=hanging.url, timeout=20) as client:
        headers = bearer(await log_in(client, EMAIL, PASSWORD))
    paths = ("/v1/customers/ALFKI", "/v1/auth/me")
    return [partial(http.kind, "GET", path, headers=headers) for path in paths]


async def test_handlers_that_hang_open_the_breaker_until_they_answer(hanging: Single, figures: Figures) -> None:
    count = 2000 if figures.long else 20
    now = get_running_loop().time
    async with http_to(hanging) as http:
        others = await others_than_products(hanging, http)
        own: list[Ask] = [partial(http.kind, "GET", "/v1/categories")]
        async with traffic(others, at_once=2, pause=0.01) as there, traffic(own, at_once=8, pause=0.05) as here:
            await there.more(count, "ok")
            figures.tell("the handlers of products hang")
            hung_at = now()
            os.kill(hanging.pid("products"), SIGUSR1)
            await here.more(50, "503 circuit_open")
            await there.more(count, "ok")
            figures.tell("they answer again")
            answering_at = now()
            os.kill(hanging.pid("products"), SIGUSR2)
            await here.more(1, "ok")
            closed_at = now()
            await here.more(50, "ok")

    usual = there.outcomes.begun(before=hung_at).percentile(99)
    meanwhile = there.outcomes.begun(after=hung_at, before=answering_at).percentile(99)
    waited, refused = here.outcomes.of({"504 deadline_exceeded"}), here.outcomes.of({"503 circuit_open"})
    figures.add(
        "handlers hang, the breaker opens",
        others_p99_before_ms=round(usual * 1000, 1),
        others_p99_meanwhile_ms=round(meanwhile * 1000, 1),
        refused_p50_ms=round(refused.percentile(50) * 1000, 1),
        closed_after_s=round(closed_at - answering_at, 2),
        **here.outcomes.figures(),
    )
    assert {} == there.outcomes.failed()
    assert {"504 deadline_exceeded", "503 circuit_open"} == here.outcomes.failed().keys()
    assert waited.percentile(100) < DEADLINE + LATE
    assert refused.percentile(50) < AT_ONCE
    assert closed_at - answering_at < REST + LATE
    assert {} == here.outcomes.begun(after=closed_at).failed()
    if figures.long:  # fewer are too few to compare speeds
        assert meanwhile <= 2 * usual
