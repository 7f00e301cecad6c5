"""The stacks that are broken here, and how far: briefly in `make test`, to the full in `make faults`."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from devstack.stack.settings import ServiceName, StackSettings
from services import BY_NAME
from tests.faults.meshes import Mesh, mesh
from tests.support.load.figures import FIGURES, Figures
from tests.support.long_form import LONG

_PAIRS: dict[ServiceName, int] = dict.fromkeys(BY_NAME, 2)
_ONE_GATEWAY: dict[ServiceName, int] = {**_PAIRS, "gateway": 1}
_MEASURED = pytest.StashKey["Figures"]()


@pytest.fixture(scope="package")
def figures(request: pytest.FixtureRequest) -> Figures:
    return request.config.stash.setdefault(_MEASURED, Figures())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures of the long form."""
    figures = terminalreporter.config.stash.get(_MEASURED, None)
    if figures is not None and figures.long:
        terminalreporter.section(f"measured, and kept in {FIGURES}")
        for line in figures.table():
            terminalreporter.write_line(line)


@pytest.fixture(scope="package")
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
