"""A web server that receives webhooks over HTTP or HTTPS, and answers as a test wants."""

import asyncio
import ssl
from typing import NamedTuple, Self


class Received(NamedTuple):
    """A request: its headers in lower case, and its body."""

    path: str
    headers: dict[str, str]
    body: bytes


class WebhookServer:
    """`async with WebhookServer() as server` listens on a free port of this machine."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._server: asyncio.Server | None = None
        self.port = 0
        self.received: list[Received] = []
        self.answer = b"HTTP/1.1 204 No Content\r\n\r\n"
        """What it writes; nothing leaves the client waiting."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.received.append(Received(head[0].split()[1], headers, body))
            writer.write(self.answer)
            await writer.drain()
            if not self.answer:
                await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
