from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from devstack.errors import DevstackError
from devstack.home.home import open_home
from devstack.home.state import Admin, Operator, StackState, read_stack, write_stack


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Path]:
    """A home in which a stack says that it runs."""
    home = await open_home(tmp_path / "home")
    write_stack(
        StackState(
            gateway_url="http://127.0.0.1:8080",
            gateway_urls=["http://127.0.0.1:8080"],
            nats_url="nats://127.0.0.1:4222",
            nats_monitor_url=None,
            operator=Operator(),
            admin=Admin(email="admin@northwind.example", password="secret"),
            databases={"customers": "postgresql://customers", "auth": "mongodb://auth"},
            postgres={"customers_url": "postgresql://customers"},
            mongo_url="mongodb://auth",
            home=home.path,
            logs=home.logs,
            pid=os.getpid(),
            processes={},
        )
    )
    yield home.path
    home.close()


async def test_a_stack_is_believed_in_a_home_of_ones_own(home: Path, tmp_path: Path) -> None:
    state = read_stack(home)
    assert state is not None
    assert "http://127.0.0.1:8080" == state.gateway_url
    (tmp_path / "link").symlink_to(home)
    assert state == read_stack(tmp_path / "link")
    assert read_stack(tmp_path / "nothing") is None


@pytest.mark.parametrize("name", [".", "stack.json"])
@pytest.mark.parametrize("mode", [0o720, 0o702])
async def test_a_stack_that_others_may_have_written_is_not_believed(home: Path, name: str, mode: int) -> None:
    (home / name).chmod(mode)
    with pytest.raises(DevstackError, match=r"other users can write to .*, then `chmod go-w"):
        read_stack(home)


@pytest.mark.parametrize("name", [".", "stack.json"])
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
async def test_a_stack_of_somebody_elses_is_not_believed(home: Path, name: str) -> None:
    os.chown(home / name, 65534, -1)
    with pytest.raises(DevstackError, match="belongs to another user: set --home or MESH_HOME to a folder of your own"):
        read_stack(home)
