from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from devstack.servers.all import Servers
from devstack.stack.services import ServiceCommand
from tests.support.waiting import Eventually


@pytest.fixture(scope="session")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """Servers that a test only asks; one that stops some starts its own."""
    async with Servers(tmp_path_factory.mktemp("servers")) as servers:
        yield servers


@pytest.fixture
def stand_ins(tmp_path: Path) -> ServiceCommand:
    """Run stand-ins for the services, which note their environments in `tmp_path`."""
    script = Path(__file__).with_name("stand_in.py")
    return lambda service: (sys.executable, str(script), service, str(tmp_path))


@pytest.fixture
def eventually() -> Eventually:
    """Wait for a condition, half a minute at most."""

    async def wait(holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + 30
        while not holds():
            assert time.monotonic() < deadline, "it never came true"
            await asyncio.sleep(0.02)

    return wait
