"""A mesh whose console looks at each incident."""

from collections.abc import AsyncIterator

import pytest

from devstack.stack.settings import ServiceName, StackSettings
from services import BY_NAME
from tests.faults.incidents.camera import Camera, camera_at
from tests.faults.meshes import Mesh, mesh

_PAIRS: dict[ServiceName, int] = dict.fromkeys(BY_NAME, 2)
_NARROW = ("MESH_CONCURRENCY=1", "MESH_QUEUE_SIZE=1")


@pytest.fixture(scope="module")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mesh]:
    """Two of everything, with the console. An instance of products does one request at a time, and one may wait."""
    settings = StackSettings(home=tmp_path_factory.mktemp("watched"), http_port=0, replicas=_PAIRS, console=True)
    async with mesh(settings, {"products": _NARROW}) as watched:
        yield watched


@pytest.fixture(scope="module")
async def camera(watched: Mesh) -> AsyncIterator[Camera]:
    """A browser that looks at the console."""
    assert watched.stack.state.console_url
    async with camera_at(watched.stack.state.console_url) as camera:
        yield camera
