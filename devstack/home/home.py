"""The folder that holds a stack's data, logs and secrets, and the lock that keeps two stacks from sharing it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shlex
import time
from pathlib import Path

from devstack.errors import DevstackError

# mongod needs about a second to end, PostgreSQL a little more after heavy writing.
_LEFTOVERS_END_WITHIN = 30.0


class Home:
    """An open home: nobody else can open it until this launcher and every process that it started are gone.

    The children inherit the lock. Thus a launcher that was killed leaves the home locked for as long as its
    PostgreSQL still writes to it, and whoever gets the lock knows that nobody does.
    """

    def __init__(self, path: Path, lock: int) -> None:
        """Take over a lock that is held already: see `open_home`."""
        self.path = path
        self.logs = path / "logs"
        self.lock = lock

    def close(self) -> None:
        """Let go of the lock."""
        os.close(self.lock)


async def open_home(path: Path) -> Home:
    """Make the folder and lock it.

    Raises:
        DevstackError: a stack runs in it, or it cannot be written.

    """
    path, lock = _make(path)
    try:
        await _acquire(path, lock)
    except BaseException:
        os.close(lock)
        raise
    os.truncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return Home(path, lock)


def _make(path: Path) -> tuple[Path, int]:
    path = path.absolute()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)
        (path / "logs").mkdir(mode=0o700, exist_ok=True)
        return path, os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        why = error.strerror
        raise DevstackError(f"cannot write to {path} ({why}): set MESH_HOME to a folder of your own") from error


async def _acquire(path: Path, lock: int) -> None:
    deadline = time.monotonic() + _LEFTOVERS_END_WITHIN
    while not _try_lock(lock):
        launcher = int(os.pread(lock, 20, 0) or b"0")
        if _is_alive(launcher):
            raise DevstackError(
                f"a stack runs already in {path}, as process {launcher}: stop it, or set another MESH_HOME"
            )
        if time.monotonic() > deadline:
            naming = shlex.join(["fuser", str(path / "lock")])
            raise DevstackError(f"processes of an earlier stack still run in {path}: `{naming}` names them, end them")
        await asyncio.sleep(0.05)


def is_open(path: Path, launcher: int) -> bool:
    """Tell whether this launcher lives and still holds the lock (its number alone may be somebody else's by now)."""
    try:
        lock = os.open(path / "lock", os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _try_lock(lock) and _is_alive(launcher)
    finally:
        os.close(lock)


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_alive(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
