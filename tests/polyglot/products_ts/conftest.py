"""A mesh without products, and the workers that serve them in its place."""

from collections.abc import AsyncIterator, Mapping

import pytest

from devstack.stack.settings import StackSettings
from devstack.stack.stack import Stack
from tests.support.contract.callers import Account, Wire, wire_of
from tests.support.contract.givens import Givens
from tests.support.products_pool import PYTHON, ProductsPool


@pytest.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """What `mesh up --without products` starts."""
    settings = StackSettings(home=tmp_path_factory.mktemp("mesh"), http_port=0, without=("products",))
    async with Stack(settings) as stack:
        yield stack


@pytest.fixture(scope="session")
async def wire(stack: Stack) -> AsyncIterator[Wire]:
    """NATS as those see it who send requests."""
    async with wire_of(stack) as wire:
        yield wire


@pytest.fixture(scope="session")
async def pool(stack: Stack, wire: Wire, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ProductsPool]:
    """The workers of products. The one in Python has made the tables, which another one has waited for."""
    pool = ProductsPool(stack, wire.operator, tmp_path_factory.mktemp("products"))
    await pool.found_no_tables()
    await pool.serve(PYTHON)
    yield pool
    await pool.end()


@pytest.fixture(scope="session")
async def accounts(stack: Stack, wire: Wire) -> Mapping[str, Account]:
    """On whose behalf the tests ask."""
    admin = stack.state.admin
    return {"user": await wire.register(), "admin": await wire.log_in(admin.email, admin.password)}


@pytest.fixture
def givens(wire: Wire, accounts: Mapping[str, Account]) -> Givens:
    """What the braces of an example stand for."""
    unused = Account("", "", "")
    return Givens(wire, {"changing user": unused, **accounts})
