"""A launcher to be killed: it runs a stack of stand-ins in the folder that it is given, until the end."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from devstack.stack.settings import StackSettings
from devstack.stack.stack import Stack

_STAND_IN = Path(__file__).with_name("stand_in.py")


async def main() -> None:
    home = Path(sys.argv[1])
    settings = StackSettings(home=home, http_port=0)
    async with Stack(settings, service_command=lambda name: (sys.executable, str(_STAND_IN), name, str(home))) as stack:
        await stack.wait()


if __name__ == "__main__":
    asyncio.run(main())
