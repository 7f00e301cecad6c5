from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

import pytest

from devstack.errors import DevstackError
from devstack.home.home import is_open, open_home


def test_a_home_is_its_owners_alone_even_if_it_was_not(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    asyncio.run(open_home(tmp_path)).close()
    assert 0o700 == stat.S_IMODE(tmp_path.stat().st_mode)


async def test_a_second_launcher_is_refused_until_the_first_is_done(tmp_path: Path) -> None:
    home = await open_home(tmp_path)
    assert is_open(tmp_path, os.getpid())
    with pytest.raises(DevstackError, match=f"a stack already runs in .*, as process {os.getpid()}"):
        await open_home(tmp_path)
    home.close()
    assert not is_open(tmp_path, os.getpid())
    (await open_home(tmp_path)).close()


async def test_a_home_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DevstackError, match="set MESH_HOME to a folder of your own"):
        await open_home(tmp_path / "file")
