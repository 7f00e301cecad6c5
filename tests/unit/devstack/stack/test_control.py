"""Orders to a running stack, over a real socket."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from devstack.errors import DevstackError
from devstack.stack.control import Control, restart

PROCESSES = ("nats", "customers-1", "customers-2", "auth")


class Stack:
    """Remembers what it restarts."""

    def __init__(self) -> None:
        self.restarted: list[str] = []
        self.running = 0

    async def restart(self, name: str) -> None:
        assert not self.running, "one at a time"
        self.running += 1
        await asyncio.sleep(0)
        self.running -= 1
        if name == "auth":
            raise DevstackError("auth is not ready in time")
        self.restarted.append(name)


@pytest.fixture
def stack() -> Stack:
    return Stack()


@pytest.fixture
async def home(tmp_path: Path, stack: Stack) -> AsyncIterator[Path]:
    """A home with a path that is too long for a socket's address."""
    path = tmp_path / ("long" * 30)
    path.mkdir()
    control = Control(stack.restart, lambda: PROCESSES)
    await control.open(path)
    yield path
    await control.close()
    assert [] == list(path.iterdir())


async def test_a_service_is_restarted_one_process_after_the_other(home: Path, stack: Stack) -> None:
    assert ["customers-1", "customers-2"] == [name async for name, _ in restart(home, "customers")]
    assert ["customers-1", "customers-2"] == stack.restarted


async def test_one_process_is_restarted_alone_and_orders_wait_for_each_other(home: Path, stack: Stack) -> None:
    async def order(name: str) -> None:
        assert [name] == [told async for told, _ in restart(home, name)]

    await asyncio.gather(*map(order, ("customers-2", "nats")))
    assert {"customers-2", "nats"} == set(stack.restarted)


@pytest.mark.parametrize(
    ("name", "message"),
    [("nobody", "no process nobody runs: nats, customers-1"), ("auth", "auth is not ready in time")],
)
async def test_what_fails_is_told(home: Path, name: str, message: str) -> None:
    with pytest.raises(DevstackError, match=message):
        [told async for told in restart(home, name)]


async def test_garbage_is_refused_and_harms_nobody(home: Path) -> None:
    folder = os.open(home, os.O_RDONLY)
    reader, writer = await asyncio.open_unix_connection(f"/proc/self/fd/{folder}/control.sock")
    os.close(folder)
    writer.write(b"[" * 100_000 + b"\n")
    assert b"cannot be read" in await reader.readline()
    writer.close()
    assert ["nats"] == [name async for name, _ in restart(home, "nats")]


async def test_without_a_stack_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(DevstackError, match="does not listen"):
        [told async for told in restart(tmp_path, "customers")]
