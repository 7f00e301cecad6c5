"""A sign of life in a file: the health check of a worker, which listens on no port.

Not a request by NATS: a user that may both say and hear the same subject can give itself the right to say anything,
since nats-server lets it answer wherever the message that it hears wants the answer (docs/reference/security.md).

The check runs every few seconds in every container, so this imports only what that needs.
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
"""Seconds; a process that hangs, or has lost NATS, is without a sign of life for that long before it counts."""


@asynccontextmanager
async def heartbeat(file: Path | None, transport: Transport) -> AsyncIterator[None]:
    """Touch the file each second while the event loop turns and NATS is connected; None touches nothing."""
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
    """What is wrong with the process whose file it is; None is well."""
    try:
        age = time.time() - os.stat(file).st_mtime  # noqa: PTH116  # without pathlib it takes half the time
    except OSError:
        return f"no sign of life yet in {file}"
    return f"no sign of life in {file} for {age:.0f} s" if age > _STALE else None


if __name__ == "__main__":
    told = os.environ.get("MESH_HEARTBEAT_FILE", "").strip()
    sys.exit(check(os.path.expanduser(told)) if told else "MESH_HEARTBEAT_FILE names no file")  # noqa: PTH111  # the same
