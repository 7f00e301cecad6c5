"""The stacks that are broken here, and how far: briefly in `make test`, to the full in `make faults`."""

import json
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from contracts.customers import GetCustomer
from contracts.products import GetProduct, ListProducts
from devstack.stack.services import run_module
from devstack.stack.settings import ServiceName, StackSettings
from devstack.stack.stack import Stack
from subjects import CUSTOMERS_GET, PRODUCTS_GET, PRODUCTS_LIST
from tests.faults.traffic import Ask, Balancer, Caller, balanced, connected
from tests.long_form import LONG

_PAIRS: dict[ServiceName, int] = {"gateway": 2, "auth": 2, "customers": 2, "products": 2}
_ONE_GATEWAY: dict[ServiceName, int] = {**_PAIRS, "gateway": 1}
_FIGURES = Path("dist") / "faults.json"
_TIMES = (("median", "p50_ms"), ("p99", "p99_ms"), ("longest", "longest_ms"))
_MEASURED = pytest.StashKey["Figures"]()
_ENVIRONMENT: dict[str, tuple[str, ...]] = {
    # Longer than a test: a token that ends in the midst of it is no fault.
    "auth": ("AUTH_ACCESS_TOKEN_LIFETIME=7200",),
    # What a load balancer needs to notice; it asks every 0.1 s.
    "gateway": ("GATEWAY_STOP_DELAY=0.6",),
}


def command(service: ServiceName) -> tuple[str, ...]:
    """A service as it is, with settings that suit these tests."""
    return ("/usr/bin/env", *_ENVIRONMENT.get(service, ()), *run_module(service))


long_only = pytest.mark.skipif(not LONG, reason="in the long form alone: make faults")
"""For what compares speeds, or takes long to see what a shorter test sees as well."""


class Figures:
    """What was measured, by fault: of the long form kept in a file, and printed as a table at the end."""

    def __init__(self) -> None:
        self.long = LONG
        """Whether this is the long form, with the full numbers."""
        self.measured: dict[str, dict[str, Any]] = {}
        self._began = time.monotonic()

    def tell(self, what: str) -> None:
        """Show how far a test is."""
        if self.long:
            sys.stderr.write(f"\n{time.monotonic() - self._began:5.0f} s  {what}")

    def add(self, name: str, **values: object) -> None:
        """Keep the figures of a test: docs/explanation/reliability.md tells of them."""
        self.measured[name] = values
        self.tell(f"{name}: {json.dumps(values)}")
        if self.long:
            _FIGURES.parent.mkdir(exist_ok=True)
            known = json.loads(_FIGURES.read_text()) if _FIGURES.exists() else {}
            measured_at = datetime.now(UTC).isoformat(timespec="seconds")
            _FIGURES.write_text(json.dumps({**known, name: {"at": measured_at, **values}}, indent=2) + "\n")

    def table(self) -> Iterator[str]:
        """Two lines for each fault."""
        for name, values in self.measured.items():
            besides = {**values}
            requests, failed = besides.pop("requests", 0), besides.pop("failed", {})
            times = [f"{what} {besides.pop(key):,.0f} ms" for what, key in _TIMES if key in besides]
            yield f"{name:40} {requests:>8,} requests {sum(failed.values()):>7,} failed  {', '.join(times)}"
            if more := {**besides, **failed}:
                yield "    " + ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in more.items())


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest) -> Figures:
    return request.config.stash.setdefault(_MEASURED, Figures())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures of the long form."""
    figures = terminalreporter.config.stash.get(_MEASURED, None)
    if figures is not None and figures.long:
        terminalreporter.section(f"measured, and kept in {_FIGURES}")
        for line in figures.table():
            terminalreporter.write_line(line)


@dataclass(frozen=True)
class Mesh:
    """A stack, and who asks it."""

    stack: Stack
    http: Balancer
    """In front of its gateways."""
    nats: Caller
    """Beside them."""
    token: str
    """The first administrator's."""

    @property
    def bearer(self) -> dict[str, str]:
        """The headers of a request of the administrator."""
        return {"Authorization": f"Bearer {self.token}"}

    def reads(self) -> list[Ask]:
        """Idempotent requests to every service, by HTTP and by NATS."""
        http, nats = self.http, self.nats
        return [
            partial(http.kind, "GET", "/v1/products/1"),
            partial(http.kind, "GET", "/v1/customers/ALFKI", headers=self.bearer),
            partial(http.kind, "GET", "/v1/products?limit=3"),
            partial(http.kind, "GET", "/v1/auth/me", headers=self.bearer),
            partial(nats.kind, PRODUCTS_GET, GetProduct(product_id=1)),
            partial(nats.kind, CUSTOMERS_GET, GetCustomer(customer_id="ALFKI")),
            partial(nats.kind, PRODUCTS_LIST, ListProducts(limit=3)),
        ]


@asynccontextmanager
async def mesh(settings: StackSettings) -> AsyncIterator[Mesh]:
    """A running mesh."""
    async with (
        Stack(settings, service_command=command) as stack,
        balanced(stack) as http,
        connected(stack) as nats,
    ):
        login = {"email": stack.state.admin.email, "password": stack.state.admin.password}
        answer = await http.send("POST", "/v1/auth/login", json=login)
        yield Mesh(stack, http, nats, answer.json()["access_token"])


@pytest.fixture(scope="session")
async def pairs(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mesh]:
    """Two of every service and of the gateway, on one NATS server."""
    async with mesh(StackSettings(home=tmp_path_factory.mktemp("pairs"), http_port=0, replicas=_PAIRS)) as pairs:
        yield pairs


@pytest.fixture(scope="module")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mesh]:
    """Two of every service on three NATS servers."""
    async with mesh(
        StackSettings(home=tmp_path_factory.mktemp("cluster"), http_port=0, replicas=_ONE_GATEWAY, nats_nodes=3)
    ) as cluster:
        yield cluster


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the long form its time."""
    if LONG:
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.timeout(900, method="thread"))
