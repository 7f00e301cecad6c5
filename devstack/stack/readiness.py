"""How a stack knows that the mesh works: the gateway's own word, asked for over HTTP."""

from __future__ import annotations

import asyncio

_ANSWER_WITHIN = 5.0
_INTERVAL = 0.05
_OK = 200


async def until_ready(host: str, port: int) -> None:
    """Return once `GET /readyz` answers 200, which it does when every service answers the gateway."""
    while True:
        try:
            if await asyncio.wait_for(_status(host, port, "/readyz"), _ANSWER_WITHIN) == _OK:
                return
        except (OSError, TimeoutError, ValueError):
            pass  # not listening yet, too busy, or in the middle of going down
        await asyncio.sleep(_INTERVAL)


async def _status(host: str, port: int, path: str) -> int:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
        return int((await reader.readline()).split()[1:2][0]) if not reader.at_eof() else 0
    finally:
        writer.close()
