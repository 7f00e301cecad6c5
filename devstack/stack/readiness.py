"""Asks a gateway over HTTP whether the mesh is ready."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

if TYPE_CHECKING:
    from collections.abc import Collection

_ANSWER_WITHIN = 5.0
_INTERVAL = 0.05
_OK = 200
_LONGEST = 64 * 1024
"""Bytes of a response that are read."""


class Readiness(BaseModel):
    """The body of `GET /readyz`."""

    ready: bool = False
    nats: bool = False
    services: dict[str, bool] = {}
    reason: str | None = None

    def without(self, absent: Collection[str]) -> bool:
        """Whether everything is ready except these services, which are left to the user."""
        return self.ready or (
            self.nats
            and not all(self.services.values())
            and all(ready or name in absent for name, ready in self.services.items())
        )


async def readiness(host: str, port: int) -> Readiness | None:
    """Ask a gateway; None if it does not answer."""
    try:
        status, body = await asyncio.wait_for(_get(host, port, "/readyz"), _ANSWER_WITHIN)
    except (OSError, TimeoutError, ValueError, IndexError):
        return None  # not listening yet, too busy, or stopping
    try:
        said = Readiness.model_validate_json(body)
    except ValidationError:
        said = Readiness()
    return said.model_copy(update={"ready": status == _OK})


async def until_ready(host: str, port: int, absent: Collection[str] = ()) -> None:
    """Return once `GET /readyz` reports every service ready, except those in `absent`."""
    while True:
        said = await readiness(host, port)
        if said is not None and said.without(absent):
            return
        await asyncio.sleep(_INTERVAL)


async def _get(host: str, port: int, path: str) -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while len(answer) < _LONGEST and (read := await reader.read(_LONGEST)):
            answer += read
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split(None, 2)[1]), body
    finally:
        writer.close()
