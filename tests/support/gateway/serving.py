"""The gateway's HTTP protocol on a real socket, in front of an application that does as a test says."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn import Config
from uvicorn.server import ServerState

from gateway.http.protocol import HttpProtocol, protocol
from gateway.middleware.request_context import RequestContext
from gateway.settings import HttpLimits


class Application:
    """Answers with `response`, after `gate` has been opened."""

    def __init__(self) -> None:
        self.response: ASGIApp = PlainTextResponse("hello")
        self.gate = asyncio.Event()
        self.gate.set()
        self.began = asyncio.Event()
        self.ended = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.began.set()
        try:
            await self.gate.wait()
            await self.response(scope, receive, send)
        finally:
            self.ended.set()


@asynccontextmanager
async def serving(application: ASGIApp, limits: HttpLimits, state: ServerState) -> AsyncIterator[int]:
    """The port where the application listens."""
    config = Config(
        RequestContext(application, timeout=5),
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_keep_alive=limits.gateway_keep_alive,  # type: ignore[arg-type]  # annotated int, used as a float
    )
    made: Callable[..., HttpProtocol] = protocol(limits)  # type: ignore[assignment]  # a class is one
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: made(config, state, {}), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def answer(port: int, *parts: bytes, pause: float = 0.05) -> bytes:
    """All that is answered to these bytes, sent one after the other, until the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        await asyncio.sleep(pause)
    said = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return said


def refused(said: bytes, status: int, reason: str) -> None:
    """What the protocol itself refuses is a problem like any other."""
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), said
    document = json.loads(body)
    assert (status, reason) == (document["status"], document["reason"])
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head
    assert b"x-request-id: " + document["request_id"].encode() in head
