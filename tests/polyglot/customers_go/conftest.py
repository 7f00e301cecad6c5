"""The stack without the customers worker of this repository: one in Go serves."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from devstack.stack.settings import StackSettings
from devstack.stack.stack import Stack
from tests.contract.conftest import accounts, givens, wire
from tests.e2e.conftest import operator, user
from tests.support.customers_go import go, go_worker, python_worker

__all__ = ["accounts", "givens", "operator", "user", "wire"]

_OTHERS = ("auth.", "carts.", "notifications.", "orders.", "products.", "shipping.", "/v1/products")


@pytest.fixture(scope="session")
def customers_go(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, built."""
    program = tmp_path_factory.mktemp("go") / "customers"
    go("build", "-o", str(program), ".")
    return program


@pytest.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory, customers_go: Path) -> AsyncIterator[Stack]:
    """`mesh up --without customers`, with a worker in Go. The one in Python ran before, and made the tables."""
    settings = StackSettings(home=tmp_path_factory.mktemp("mesh"), http_port=0, without=("customers",))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AUTH_ADDRESS_ATTEMPTS", "10000")
        async with Stack(settings) as stack, go_worker(stack, customers_go) as worker:
            await worker.said("probe_failed")  # it waits for the tables
            async with python_worker(stack) as first:
                await first.said("service_started")
            await worker.said("service_ready")
            yield stack


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what borrowed tests do with other services."""
    items[:] = [item for item in items if "test_customers_go" not in item.nodeid or _of_customers(item)]


def _of_customers(item: pytest.Item) -> bool:
    values = item.callspec.params.values() if hasattr(item, "callspec") else ()
    abouts = [about for value in values if isinstance(about := getattr(value, "subject", value), str)]
    return not any(about.startswith(_OTHERS) for about in abouts)
