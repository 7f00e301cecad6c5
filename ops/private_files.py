"""Writes files that only their owner can read: keys, passwords, the state of a stack."""

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_PRIVATE: Final = 0o600
_WAIT: Final = 30.0
_TICK: Final = 0.05


def write_private(path: Path, text: str) -> None:
    """Replace a file atomically. A reader sees the old or the new content, and only the owner can read either."""
    write_atomically(path, text, _PRIVATE)


def write_atomically(path: Path, text: str, mode: int) -> None:
    """Replace a file with one of this mode. Concurrent writers do not disturb each other: the last one wins."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        draft.chmod(mode)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


@contextmanager
def locked(folder: Path, wait: float = _WAIT) -> Iterator[None]:
    """Exclude other processes that lock the folder. Raises TimeoutError if one holds it for `wait` seconds."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _lock(descriptor, folder, time.monotonic() + wait)
        yield
    finally:
        os.close(descriptor)  # this ends the lock


def _lock(descriptor: int, folder: Path, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise TimeoutError(f"another process writes to {folder}") from None
            time.sleep(_TICK)
        else:
            return
