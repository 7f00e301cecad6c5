"""What the metrics of a running system tell of one request."""

import json

from httpx2 import AsyncClient
from prometheus_client.parser import text_string_to_metric_families

from devstack.home.state import StackState
from devstack.stack.stack import Stack
from mesh.telemetry.catalogue import HTTP_DURATION, POOL_MOST, RPC_DURATION
from services import PROCESSES


async def values(http: AsyncClient, url: str, name: str) -> dict[tuple[str, ...], float]:
    """The samples of one name, by the values of their labels in alphabetical order of the labels."""
    families = text_string_to_metric_families((await http.get(url)).text)
    samples = [one for family in families for one in family.samples if one.name == name]
    return {tuple(value for _, value in sorted(one.labels.items())): one.value for one in samples}


async def test_stack_json_names_the_metrics_of_every_process(http: AsyncClient, stack: Stack) -> None:
    told = StackState.model_validate(json.loads((stack.state.home / "stack.json").read_text()))
    assert {row.name for row in PROCESSES} <= set(told.metrics_urls)
    for name, url in told.metrics_urls.items():
        assert name in told.processes
        ((service, _),) = await values(http, url, "target_info")
        assert name.startswith(service)


async def test_a_request_counts_in_the_gateway_and_in_the_worker(http: AsyncClient, stack: Stack) -> None:
    urls = stack.state.metrics_urls

    async def counted() -> tuple[float, float]:
        gateway = await values(http, urls["gateway"], f"{HTTP_DURATION.name}_count")
        workers = [
            await values(http, url, f"{RPC_DURATION.name}_count") for name, url in urls.items() if "auth" in name
        ]
        return (
            gateway.get(("GET", "200", "/.well-known/jwks.json"), 0),
            sum(one.get(("auth.jwks", "ok"), 0) for one in workers),
        )

    before = await counted()
    assert 200 == (await http.get("/.well-known/jwks.json")).status_code
    after = await counted()
    assert after[0] >= before[0] + 1
    assert after[1] >= before[1] + 1


async def test_each_database_shows_its_connections(http: AsyncClient, stack: Stack) -> None:
    for row in PROCESSES:
        pools = await values(http, stack.state.metrics_urls[row.name], POOL_MOST.name)
        assert ([(row.name,)] if row.store else []) == list(pools)


async def test_the_public_port_shows_no_metrics(http: AsyncClient) -> None:
    assert 404 == (await http.get("/metrics")).status_code
