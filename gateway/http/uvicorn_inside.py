"""uvicorn's internals. Only this file imports them: the HTTP/1.1 over httptools that FramedProtocol extends.

tests/unit/gateway/http/test_uvicorn_inside.py pins what we rely on; pyproject.toml excludes newer
minor versions.
"""

from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

__all__ = ["STATUS_LINE", "HttpToolsProtocol", "RequestResponseCycle", "as_bytes"]


def as_bytes(response: Response, headers: list[tuple[bytes, bytes]], *, content: bool = True) -> bytes:
    """The bytes of a response, with these headers before its own."""
    lines = (b"%s: %s\r\n" % header for header in (*headers, *response.raw_headers))
    body = bytes(response.body) if content else b""
    return b"".join((STATUS_LINE[response.status_code], *lines, b"\r\n", body))
