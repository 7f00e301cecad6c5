import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mesh.process.heartbeat import check, heartbeat
from mesh.process.run import StartError, read_settings
from mesh.process.settings import WorkerSettings
from mesh.transport.memory import MemoryBroker, MemoryTransport


def checked(file: Path, *options: str) -> tuple[int, str]:
    """Exit status and words of the health check, run as a container runs it: without any package."""
    variables = {**os.environ, "MESH_HEARTBEAT_FILE": str(file)}
    command = [sys.executable, "-S", "-E", *options, "-m", "mesh.process.heartbeat"]
    ended = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stderr


def test_the_check_imports_next_to_nothing(tmp_path: Path) -> None:
    file = tmp_path / "heartbeat"
    file.touch()
    code, told = checked(file, "-X", "importtime")
    imported = {line.rpartition("|")[2].strip() for line in told.splitlines()}
    assert 0 == code
    assert "contextlib" in imported
    assert set() == imported & {"asyncio", "pathlib", "socket", "inspect", "logging", "pydantic", "nats"}
    assert {"mesh", "mesh.process", "mesh.process.heartbeat"} >= {name for name in imported if name.startswith("mesh")}


async def test_a_process_gives_a_sign_of_life_while_it_works_and_leaves_none(tmp_path: Path) -> None:
    file = tmp_path / "heartbeat"
    assert check(file) == f"no heartbeat in {file} yet"
    async with heartbeat(file, MemoryTransport(MemoryBroker())):
        while not file.exists():
            await asyncio.sleep(0)
        assert check(file) is None
        assert (0, "") == checked(file)
        os.utime(file, (0, 0))
        assert check(file) is not None
        while check(file):  # within a second
            await asyncio.sleep(0.05)
    assert not file.exists()


async def test_without_nats_there_is_no_sign_of_life(tmp_path: Path) -> None:
    file, transport = tmp_path / "heartbeat", MemoryTransport(MemoryBroker())
    await transport.close()
    async with heartbeat(file, transport):
        for _ in range(10):
            await asyncio.sleep(0)
        assert not file.exists()


def test_a_process_that_hangs_is_told(tmp_path: Path) -> None:
    file = tmp_path / "heartbeat"
    file.touch()
    os.utime(file, (file.stat().st_mtime - 60, file.stat().st_mtime - 60))
    code, told = checked(file)
    seconds = int(told.removeprefix(f"no heartbeat in {file} for ").removesuffix(" s\n"))
    assert (1, True) == (code, 60 <= seconds)


def test_a_file_that_cannot_be_written_fails_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESH_HEARTBEAT_FILE", "/nowhere/heartbeat")
    with pytest.raises(StartError, match="MESH_HEARTBEAT_FILE: /nowhere is not a folder"):
        read_settings(WorkerSettings)
