"""Processes that have no time for NATS for a while: they are not taken for dead."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from devstack.servers.all import Servers
from mesh.nats.settings import NatsSettings
from mesh.nats.transport import NatsTransport
from tests.faults.connections import connections
from tests.support.long_form import long_only


@pytest.fixture(scope="module")
async def nats(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """A server with the pings of nats.conf."""
    async with Servers(tmp_path_factory.mktemp("busy"), only=["nats"]) as servers:
        yield servers


async def connect(nats: Servers, user: str) -> NatsTransport:
    settings = {"nats_url": nats.nats_url, "nats_nkey_seed": nats.nats_seeds[user]}
    return await NatsTransport.connect(NatsSettings.model_validate(settings), user)


async def blocked() -> None:
    """Hold up the loop; measured, 2.4 s were borne each time and 3 s hardly ever."""
    time.sleep(1.5)  # noqa: ASYNC251  # to hold it up is the purpose


async def in_slices() -> None:
    """Leave the loop a moment now and then, for longer than a process that hangs is borne."""
    until = time.monotonic() + 6
    while time.monotonic() < until:
        slice_ends = time.monotonic() + 0.1
        while time.monotonic() < slice_ends:
            pass
        await asyncio.sleep(0)


@pytest.mark.parametrize("busy", [blocked, pytest.param(in_slices, marks=long_only)])
async def test_a_busy_process_stays_connected(nats: Servers, busy: Callable[[], Awaitable[None]]) -> None:
    worker, caller = await connect(nats, "products"), await connect(nats, "gateway")
    await worker.subscribe("products.get", lambda _: None, "q")
    before = await connections(nats.nats_monitor_url)
    await busy()
    await worker.flush()
    await caller.flush()
    assert before == await connections(nats.nats_monitor_url)
    assert ["gateway", "products"] == sorted(before.values())
    await worker.close()
    await caller.close()
