"""Tests wait for conditions, never for time."""

import asyncio
from collections.abc import Awaitable, Callable

Eventually = Callable[[Callable[[], object]], Awaitable[None]]
"""Waits for a condition, half a minute at most."""


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition; the test's own time limit bounds it."""
    while not condition():
        await asyncio.sleep(0.005)
