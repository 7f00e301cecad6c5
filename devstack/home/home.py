"""The folder with a stack's data, logs and secrets. Its lock keeps two stacks from sharing it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shlex
import time
from pathlib import Path

from devstack.errors import DevstackError

# mongod takes about a second to stop, PostgreSQL a little more after heavy writing.
_LEFTOVERS_END_WITHIN = 30.0


class Home:
    """An open home. Nobody else can open it until this launcher and every process that it started have ended.

    The children inherit the lock. If the launcher is killed, the home stays locked while its PostgreSQL still writes to
    it. Whoever gets the lock knows that nothing else writes.
    """

    def __init__(self, path: Path, lock: int) -> None:
        """Take over a lock that is already held: see `open_home`."""
        self.path = path
        self.logs = path / "logs"
        self.lock = lock

    def close(self) -> None:
        """Release the lock."""
        os.close(self.lock)


async def open_home(path: Path) -> Home:
    """Create the folder and lock it.

    Raises:
        DevstackError: a stack runs in it, or it is not writable.

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
                f"a stack already runs in {path}, as process {launcher}: stop it, or set another MESH_HOME"
            )
        if time.monotonic() > deadline:
            naming = shlex.join(["fuser", str(path / "lock")])
            raise DevstackError(f"processes of an earlier stack still run in {path}: stop them, `{naming}` lists them")
        await asyncio.sleep(0.05)


def is_open(path: Path, launcher: int) -> bool:
    """Whether this launcher is alive and holds the lock. Its process id alone may have been reused."""
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
