"""The kit passes the workers in Python, Go and TypeScript, alone and in one pool, with everything that it can try."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from devstack.servers.all import Servers
from tests.support.polyglot import needs_go_workers, needs_products_ts
from tests.support.servers.private_bus import GO, PYTHON, TYPESCRIPT, private_bus

GO_WORKER = (needs_go_workers,)
TYPESCRIPT_WORKER = (needs_go_workers, needs_products_ts)
EVENTS = {"W-DISC-4", *(f"W-EVT-{number}" for number in range(4, 10))}
"""The rules of events that a service handles."""
PUBLISHED = {"W-EVT-1", "W-EVT-2", "W-EVT-3"}
"""The rules of events that a service publishes."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("service", "languages"),
    [
        pytest.param("customers", (PYTHON,), marks=GO_WORKER, id="customers in Python"),
        pytest.param("customers", (GO,), marks=GO_WORKER, id="customers in Go"),
        pytest.param("customers", (GO, PYTHON), marks=GO_WORKER, id="customers in Go and Python"),
        pytest.param("products", (PYTHON,), marks=TYPESCRIPT_WORKER, id="products in Python"),
        pytest.param("products", (TYPESCRIPT,), marks=TYPESCRIPT_WORKER, id="products in TypeScript"),
        pytest.param("products", (TYPESCRIPT, PYTHON), marks=TYPESCRIPT_WORKER, id="products in TypeScript and Python"),
    ],
)
async def test_it_conforms(
    service: str, languages: tuple[str, ...], databases: Servers, customers_go: Path, tmp_path: Path
) -> None:
    junit = tmp_path / "junit.xml"
    async with private_bus(service, languages, {GO: customers_go}, databases, tmp_path) as bus:
        instances = [bus.ids[language] for language in languages]
        pool = [part for option, one in zip(("--only", "--against"), instances, strict=False) for part in (option, one)]
        report = await bus.conform(*pool, junit=junit)

    results = report["results"]
    assert [] == [one for one in results if one["outcome"] == "failed"]
    skipped = {(one["rule"], one["why"]) for one in results if one["outcome"] == "skipped"}
    handles = {(rule, "the service handles no durable events") for rule in EVENTS}
    others = {("W-DISC-4", "the service delivers nothing"), ("W-EVT-10", "users see no event of the service")}
    others |= {("W-ROW-12", "the service has no import")} if service != "customers" else set()
    alone = set() if len(languages) > 1 else {("W-POOL-1", "there is no other instance: --against")}
    assert handles | others | alone == skipped
    assert len(results) == len(ET.parse(junit).getroot().findall("testcase"))  # noqa: S314  # the kit has written it


@pytest.mark.timeout(600)
@needs_go_workers
@pytest.mark.parametrize(
    ("service", "events"),
    [
        ("auth", PUBLISHED),
        ("orders", EVENTS | PUBLISHED | {"W-EVT-10"}),
        ("carts", EVENTS),
        ("shipping", EVENTS | PUBLISHED),
        ("notifications", EVENTS),
        ("stock", EVENTS | PUBLISHED),
    ],
)
async def test_a_service_with_events_conforms(
    service: str, events: set[str], databases: Servers, tmp_path: Path
) -> None:
    async with private_bus(service, (PYTHON,), {}, databases, tmp_path) as bus:
        report = await bus.conform(junit=tmp_path / "junit.xml")

    results = report["results"]
    assert [] == [one for one in results if one["outcome"] == "failed"]
    assert events <= {one["rule"] for one in results if one["outcome"] == "passed"}
