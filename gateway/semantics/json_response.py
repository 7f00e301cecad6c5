"""A JSON response with precomputed headers."""

from collections.abc import Iterable

from starlette.responses import Response

_CONTENT_TYPE = (b"content-type", b"application/json")


class JsonResponse(Response):
    """Equal to Response with the media type application/json. `headers`, in lower case, precede its own."""

    def __init__(self, body: bytes, status: int = 200, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self.status_code = status
        self.background = None
        self.body = body
        self.raw_headers = [*headers, (b"content-length", b"%d" % len(body)), _CONTENT_TYPE]
