"""An event stream of the gateway's application, read while it is open: httpx2 would wait for its end."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

from starlette.types import ASGIApp, Message, Scope

from gateway.middleware.request_context import DISCONNECTED
from tests.support.waiting import until

_EVENT = re.compile(r"id: (\d+)\nevent: (.+)\n")
_IDS = re.compile(r"^id: (\d+)$", re.MULTILINE)


class OpenStream:
    """What has arrived so far."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.text = ""
        self.ended = False
        """Whether the gateway ended it."""
        self.reads = asyncio.Event()
        """Unset, the client reads no more."""
        self.reads.set()

    @property
    def events(self) -> list[tuple[int, str]]:
        """The place and the name of each event."""
        return [(int(place), name) for place, name in _EVENT.findall(self.text)]

    @property
    def last_id(self) -> str:
        """Where the client would resume."""
        ids: list[str] = _IDS.findall(self.text)
        return ids[-1]

    async def has(self, *places: int) -> None:
        """Wait for these events, and fail for others."""
        await until(lambda: len(self.events) >= len(places))
        assert [*places] == [place for place, _ in self.events]

    async def receive(self) -> Message:
        """See ASGI: nothing more comes from the client."""
        await asyncio.Event().wait()
        raise AssertionError

    async def send(self, message: Message) -> None:
        """See ASGI."""
        await self.reads.wait()
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
            return
        self.text += message["body"].decode()
        self.ended = not message.get("more_body", False)


async def _run(app: ASGIApp, scope: Scope, stream: OpenStream) -> None:
    await app(scope, stream.receive, stream.send)


@asynccontextmanager
async def opened(app: ASGIApp, headers: Mapping[str, str], version: str = "1.1") -> AsyncIterator[OpenStream]:
    """The stream, once it has begun; afterwards the client disconnects."""
    stream = OpenStream()
    scope: Scope = {
        "type": "http",
        "http_version": version,
        "method": "GET",
        "scheme": "http",
        "path": "/v1/events",
        "raw_path": b"/v1/events",
        "query_string": b"",
        "headers": [(b"host", b"gateway.test"), *((k.lower().encode(), v.encode()) for k, v in headers.items())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }
    task = asyncio.create_task(_run(app, scope, stream))
    await until(lambda: bool(stream.text) or stream.ended or task.done())
    try:
        yield stream
    finally:
        task.cancel(DISCONNECTED)
        with suppress(asyncio.CancelledError):
            await task
