"""Reads nats-server's monitoring pages."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from pydantic import BaseModel, ValidationError

_ANSWER_WITHIN = 1.0
_LONGEST_ANSWER = 4 * 1024 * 1024


class _Route(BaseModel):
    remote_name: str


class _Routes(BaseModel):
    routes: tuple[_Route, ...]


class _Variables(BaseModel):
    config_load_time: str


_Answer = TypeVar("_Answer", bound=BaseModel)


async def neighbours(port: int) -> set[str] | None:
    """Names of the servers to which this one has a route; None if it does not answer."""
    answer = await _get(port, "/routez", _Routes)
    return None if answer is None else {route.remote_name for route in answer.routes}


async def configured_at(port: int) -> str | None:
    """When the server last read its configuration; None if it does not answer."""
    answer = await _get(port, "/varz", _Variables)
    return None if answer is None else answer.config_load_time


async def _get(port: int, path: str, shape: type[_Answer]) -> _Answer | None:
    try:
        body = (await asyncio.wait_for(_read(port, path), _ANSWER_WITHIN)).partition(b"\r\n\r\n")[2]
        return shape.model_validate_json(body)
    except (OSError, TimeoutError, ValidationError):
        return None  # not listening yet, frozen, stopping, or not a nats-server


async def _read(port: int, path: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())  # 1.0: no chunks
        answer = b""
        while len(answer) < _LONGEST_ANSWER and (more := await reader.read(_LONGEST_ANSWER)):
            answer += more
        return answer
    finally:
        writer.close()
