"""A response that is sent while it is made."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mesh.core.errors import Invalid


class Streamed(Response):
    """Sends what `chunks` yields, each part at once, until it ends.

    A fault before the first part becomes a problem document. The client's connection is watched by HttpProtocol, which
    cancels the request.
    """

    to_head: str | None = None
    """Marks the scope of a request by HEAD that is answered as GET is, and ends at once."""

    def __init__(self, chunks: AsyncGenerator[bytes, None], status_code: int = 200) -> None:
        self.status_code = status_code  # FastAPI documents the default
        self.background = None
        self.body = b""
        self._chunks = chunks
        self.raw_headers = [
            (b"content-type", str(self.media_type).encode()),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),  # nginx would hold parts back
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """See ASGI. Raises Invalid for HTTP/1.0, which has no way to send a body without an end."""
        if scope["http_version"] == "1.0":
            raise Invalid("http_version_not_supported", "a streamed response needs HTTP/1.1")
        async with aclosing(self._chunks) as chunks:
            first = await anext(chunks)
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            if self.to_head not in scope:
                await send({"type": "http.response.body", "body": first, "more_body": True})
                async for chunk in chunks:
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
