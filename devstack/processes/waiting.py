"""Waits for conditions that nothing announces: a file, a line in a log, a server's state."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


async def until(holds: Callable[[], bool]) -> None:
    """Check every 10 ms, and return once it holds."""
    while not holds():  # noqa: ASYNC110  another program's doing sets no event of ours
        await asyncio.sleep(0.01)


async def until_confirmed(holds: Callable[[], Awaitable[bool]]) -> None:
    """Ask repeatedly, and return once the answer is yes."""
    while not await holds():  # noqa: ASYNC110  as above
        await asyncio.sleep(0.01)
