"""The `mesh` command, run as a process."""

import asyncio
import sys
from pathlib import Path

MESH = str(Path(sys.executable).with_name("mesh"))
ALFKI = '{"customer_id": "ALFKI"}'


class Ended:
    """What a command left behind."""

    def __init__(self, code: int | None, out: bytes, err: bytes) -> None:
        self.code = code
        self.out = out.decode()
        self.err = err.decode()


async def mesh(*arguments: str, stdin: bytes = b"", **environment: str) -> Ended:
    """Run the command to its end; `environment` is all that it sees."""
    process = await asyncio.create_subprocess_exec(
        *(MESH, *arguments),
        env={"PATH": "/usr/bin:/bin", **environment},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(stdin)
    return Ended(process.returncode, out, err)
