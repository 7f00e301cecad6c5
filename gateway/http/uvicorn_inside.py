"""uvicorn's insides. Only this file imports them: its HTTP/1.1 over httptools, which FramedProtocol stands on.

tests/unit/gateway/http/test_uvicorn_inside.py pins what is relied on; pyproject.toml keeps newer minor versions out.
"""

from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

__all__ = ["STATUS_LINE", "HttpToolsProtocol", "RequestResponseCycle", "as_bytes"]


def as_bytes(response: Response, headers: list[tuple[bytes, bytes]], *, content: bool = True) -> bytes:
    """The response as it goes over the wire, with these headers before its own."""
    lines = (b"%s: %s\r\n" % header for header in (*headers, *response.raw_headers))
    body = bytes(response.body) if content else b""
    return b"".join((STATUS_LINE[response.status_code], *lines, b"\r\n", body))
