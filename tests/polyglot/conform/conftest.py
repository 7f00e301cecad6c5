"""Databases for the workers that conform, and the program in Go."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from devstack.servers.all import Servers
from tests.support.customers_go import go


@pytest.fixture(scope="session")
async def databases(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """Servers of these tests alone: they freeze them."""
    async with Servers(tmp_path_factory.mktemp("databases"), only={"postgres", "mongo"}) as servers:
        yield servers


@pytest.fixture(scope="session")
def customers_go(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, built."""
    program = tmp_path_factory.mktemp("go") / "customers"
    go("build", "-o", str(program), ".")
    return program
