"""Server-sent events (WHATWG HTML, section 9.2): the text of an event, and the response that sends them."""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mesh.core.errors import Invalid

TO_HEAD: Final = "gateway.to_head"
"""Marks the scope of a request by HEAD that is answered as GET is: an event stream then ends at once."""
_LINE_END: Final = re.compile(rb"\r\n|\r|\n")


def event_text(position: int, name: str, data: bytes) -> bytes:
    """An event. Each line of its data has a field of its own."""
    lines = b"".join(b"data: %b\n" % line for line in _LINE_END.split(data))
    return b"id: %d\nevent: %b\n%b\n" % (position, name.encode(), lines)


def position_text(position: int) -> bytes:
    """Tells the client where to resume, without an event: the id counts, and nothing is dispatched."""
    return b"id: %d\n\n" % position


class EventStream(Response):
    """Sends what `chunks` yields, each part at once, until it ends.

    A fault before the first part becomes a problem document. The client's connection is watched by HttpProtocol, which
    cancels the request.
    """

    media_type = "text/event-stream"

    def __init__(self, chunks: AsyncGenerator[bytes, None], status_code: int = 200) -> None:
        self.status_code = status_code  # FastAPI documents the default
        self.background = None
        self.body = b""
        self._chunks = chunks
        self.raw_headers = [
            (b"content-type", b"text/event-stream"),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),  # nginx would hold events back
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """See ASGI. Raises Invalid for HTTP/1.0, which has no way to send a body without an end."""
        if scope["http_version"] == "1.0":
            raise Invalid("http_version_not_supported", "an event stream needs HTTP/1.1")
        async with aclosing(self._chunks) as chunks:
            first = await anext(chunks)
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            if TO_HEAD not in scope:
                await send({"type": "http.response.body", "body": first, "more_body": True})
                async for chunk in chunks:
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
