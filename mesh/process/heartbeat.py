"""A heartbeat file: the health check of a worker, which listens on no port.

The check sends no NATS request: a user that may both publish and subscribe to a subject could reply anywhere, since
nats-server lets it answer on the reply subject of any message that it receives (docs/reference/security.md).

The check runs every few seconds in every container, so this module imports only what the check needs.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mesh.transport.base import Transport

_EVERY = 1.0
_STALE = 5.0
"""Seconds without a heartbeat after which a process counts as hanging or disconnected."""


@asynccontextmanager
async def heartbeat(file: Path | None, transport: Transport) -> AsyncIterator[None]:
    """Touch the file every second while the event loop runs and NATS is connected. None touches nothing."""
    import asyncio  # noqa: PLC0415  # four fifths of what the check would cost

    if file is None:
        yield
        return

    async def beat() -> None:
        while True:
            if transport.connected:
                file.touch()  # noqa: ASYNC240  # no longer than the call itself takes: it is a file of /tmp
            await asyncio.sleep(_EVERY)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
        file.unlink(missing_ok=True)  # noqa: ASYNC240  # the same


def check(file: Path | str) -> str | None:
    """What is wrong with the process behind the file; None if nothing."""
    try:
        age = time.time() - os.stat(file).st_mtime  # noqa: PTH116  # without pathlib it takes half the time
    except OSError:
        return f"no heartbeat in {file} yet"
    return f"no heartbeat in {file} for {age:.0f} s" if age > _STALE else None


if __name__ == "__main__":
    told = os.environ.get("MESH_HEARTBEAT_FILE", "").strip()
    sys.exit(check(os.path.expanduser(told)) if told else "MESH_HEARTBEAT_FILE is not set")  # noqa: PTH111  # the same
