"""A lean HTTP client: a benchmark shares the cores, and httpx takes 4 to 5 ms of CPU for an order's two requests."""

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

from bench.errors import BenchError

_LENGTH = b"content-length:"
_LIMIT = 30.0
_MOST_OK = 299


class LeanHttp:
    """Requests on connections that stay open. Each answer must have a Content-Length and a JSON body."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._host = place.netloc
        self._place = (place.hostname or "", place.port or 80)
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def json(self, method: str, path: str, headers: dict[str, str], body: object = None) -> Any:  # noqa: ANN401  # JSON
        """The JSON of the answer. Raises BenchError for another status than 2xx, TimeoutError after 30 s."""
        async with asyncio.timeout(_LIMIT):
            reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection(*self._place)
            writer.write(_request(method, path, {"Host": self._host, **headers}, body))
            head = await reader.readuntil(b"\r\n\r\n")
            [length] = [line for line in head.lower().split(b"\r\n") if line.startswith(_LENGTH)]
            answer = json.loads(await reader.readexactly(int(length[len(_LENGTH) :])))
        self._idle.append((reader, writer))
        if int(head.split(b" ", 2)[1]) > _MOST_OK:
            raise BenchError(f"{method} {path}: {answer}")
        return answer

    def close(self) -> None:
        """Close the connections."""
        for _, writer in self._idle:
            writer.close()


def _request(method: str, path: str, headers: dict[str, str], body: object) -> bytes:
    data = b"" if body is None else json.dumps(body).encode()
    about = {**headers, "Content-Type": "application/json", "Content-Length": str(len(data))} if data else headers
    lines = (f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in about.items()), "", "")
    return "\r\n".join(lines).encode() + data
