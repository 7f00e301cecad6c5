"""A response with JSON in it, whose headers need no working out."""

from collections.abc import Iterable

from starlette.responses import Response

_CONTENT_TYPE = (b"content-type", b"application/json")


class JsonResponse(Response):
    """What Response makes of the same bytes as application/json; `headers` stand before its own, in lower case."""

    def __init__(self, body: bytes, status: int = 200, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self.status_code = status
        self.background = None
        self.body = body
        self.raw_headers = [*headers, (b"content-length", b"%d" % len(body)), _CONTENT_TYPE]
