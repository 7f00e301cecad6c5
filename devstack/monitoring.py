"""What a nats-server tells about itself on its monitoring port."""

from __future__ import annotations

import asyncio
import json
from typing import Any

_ANSWER_WITHIN = 1.0


async def neighbours(port: int) -> set[str] | None:
    """Name the servers to which this one has a route; None where nobody answers."""
    answer = await _get(port, "/routez")
    return None if answer is None else {route["remote_name"] for route in answer["routes"]}


async def configured_at(port: int) -> str | None:
    """Tell when the server last read its configuration; None where nobody answers."""
    answer = await _get(port, "/varz")
    return None if answer is None else answer["config_load_time"]


async def _get(port: int, path: str) -> dict[str, Any] | None:
    try:
        body = (await asyncio.wait_for(_read(port, path), _ANSWER_WITHIN)).partition(b"\r\n\r\n")[2]
        answer: dict[str, Any] = json.loads(body)
    except (OSError, TimeoutError, ValueError):
        return None  # not listening yet, frozen, or in the middle of going down
    return answer


async def _read(port: int, path: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())  # 1.0: answered in one piece
        return await reader.read()
    finally:
        writer.close()
