"""Follows a log file: processes write to it, not to the launcher."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_INTERVAL = 0.1
_AT_ONCE = 256 * 1024
_LONGEST_LINE = 64 * 1024
"""Bytes. A longer line is delivered in pieces, since a line without an end would exhaust memory."""


async def follow(log: Path, on_line: Callable[[str], None]) -> None:
    """Deliver every line written from now on, until cancelled."""
    position = _size(log)
    rest = b""
    while True:
        written = _read(log, position)
        position += len(written)
        *lines, rest = (rest + written).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            lines, rest = [*lines, rest], b""
        for line in lines:
            on_line(line.decode(errors="replace"))
        await asyncio.sleep(_INTERVAL if len(written) < _AT_ONCE else 0)


def _size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


def _read(log: Path, position: int) -> bytes:
    if _size(log) <= position:
        return b""
    with log.open("rb") as file:
        file.seek(position)
        return file.read(_AT_ONCE)
