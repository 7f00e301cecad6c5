"""The real servers of the run, started once: databases for integration tests, the whole system for end-to-end tests."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable

import pytest
import uvloop
from httpx2 import AsyncClient
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from devstack.servers.all import Servers
from devstack.stack.stack import Stack
from tests.support.http.people import bearer, log_in
from tests.support.long_form import LONG
from tests.support.servers.whole_mesh import http, stack

# The same examples in each run, however long one takes; `--hypothesis-profile default` looks for new ones.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")

if not LONG:
    os.environ["MESH_NICENESS"] = "0"  # many stacks on few cores: logins that give way would come to nothing

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or each process that a test starts compiles all that it imports

signal.signal(signal.SIGINT, signal.default_int_handler)  # `make test &` ignores Ctrl-C, and what it starts would too

os.environ["MESH_CONSOLE"] = "false"  # a test that looks at the console starts it

_TOGETHER = ("faults", "e2e", "e2e/processes", "faults/incidents", "browser", "faults/orders", "security", "contract")
__all__ = ["http", "stack"]

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, LoopFactory]:
    """Run the tests on the loop that every process runs on."""
    return {"uvloop": uvloop.new_event_loop}


class ByServers(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Keeps together, in one process of a run, what shares servers that are dear to start.

    Not by xdist's marks: under pytest 9.2 version 3.8.0 passes over them, and says nothing.
    """

    def _split_scope(self, nodeid: str) -> str:
        return _together(nodeid) or nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByServers:
    """Share the tests out to the processes of a run."""
    return ByServers(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    places = {folder: place for place, folder in enumerate((*_TOGETHER, None))}
    items.sort(key=lambda item: places[_together(item.nodeid)])


def _together(nodeid: str) -> str | None:
    """The narrowest folder with this test whose tests share their servers."""
    folders = (folder for folder in _TOGETHER if nodeid.startswith(f"tests/{folder}/"))
    return max(folders, key=len, default=None)


@pytest.fixture(scope="session")
async def databases(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """PostgreSQL and MongoDB, with an empty database for each service."""
    async with Servers(tmp_path_factory.mktemp("databases"), only={"postgres", "mongo"}) as servers:
        yield servers


@pytest.fixture(scope="session")
def customers_url(databases: Servers) -> str:
    """Where the customers service would keep its rows."""
    return databases.urls["customers"]


@pytest.fixture(scope="session")
def products_url(databases: Servers) -> str:
    """Where the products service would keep its rows."""
    return databases.urls["products"]


@pytest.fixture(scope="session")
def orders_url(databases: Servers) -> str:
    """Where the orders service would keep its rows."""
    return databases.urls["orders"]


@pytest.fixture(scope="session")
def auth_url(databases: Servers) -> str:
    """Where the auth service would keep its documents."""
    return databases.urls["auth"]


@pytest.fixture(scope="module")
async def admin(stack: Stack, http: AsyncClient) -> dict[str, str]:
    """The headers of the first administrator; for one module, since a token lives for minutes only."""
    return bearer(await log_in(http, stack.state.admin.email, stack.state.admin.password))
