"""A sign of life in a file: the health check of a worker, which listens on no port.

Not a request by NATS: a user that may both say and hear the same subject can give itself the right to say anything,
since nats-server lets it answer wherever the message that it hears wants the answer (docs/security.md).
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from mesh.bus import Transport

_EVERY = 1.0
_STALE = 5.0
"""Seconds; a process that hangs, or has lost NATS, is without a sign of life for that long before it counts."""


@asynccontextmanager
async def heartbeat(file: Path | None, transport: Transport) -> AsyncIterator[None]:
    """Touch the file each second while the event loop turns and NATS is connected; None touches nothing."""
    if file is None:
        yield
        return
    beating = asyncio.create_task(_beat(file, transport))
    try:
        yield
    finally:
        beating.cancel()
        file.unlink(missing_ok=True)  # noqa: ASYNC240  # no longer than the call itself takes: it is a file of /tmp


async def _beat(file: Path, transport: Transport) -> None:
    while True:
        if transport.connected:
            file.touch()  # noqa: ASYNC240  # the same
        await asyncio.sleep(_EVERY)


def check(file: Path) -> str | None:
    """What is wrong with the process whose file it is; None is well."""
    try:
        age = time.time() - file.stat().st_mtime
    except OSError:
        return f"no sign of life yet in {file}"
    return f"no sign of life in {file} for {age:.0f} s" if age > _STALE else None


if __name__ == "__main__":
    told = os.environ.get("MESH_HEARTBEAT_FILE", "").strip()
    sys.exit(check(Path(os.path.expanduser(told))) if told else "MESH_HEARTBEAT_FILE names no file")  # noqa: PTH111  # Path's own raises without a home
