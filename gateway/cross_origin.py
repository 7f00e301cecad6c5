"""Which web pages may ask the gateway from a browser (CORS, the Fetch standard): none, unless their origin is named."""

import re
from functools import partial
from typing import Final

from starlette.middleware.cors import CORSMiddleware

from mesh.wire import AUTHORIZATION, CONTENT_TYPE, IDEMPOTENCY_KEY, REQUEST_ID, TRACE_HEADERS

_ORIGIN: Final = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?")

CrossOrigin: Final = partial(
    CORSMiddleware,
    allow_methods=("GET", "POST", "PATCH", "DELETE"),
    allow_headers=(
        AUTHORIZATION,
        CONTENT_TYPE,
        IDEMPOTENCY_KEY,
        "If-Match",
        "If-None-Match",
        REQUEST_ID,
        *TRACE_HEADERS,
    ),
    allow_credentials=False,  # tokens come in a header, which a page must set itself; there are no cookies
    expose_headers=("ETag", "Location", "RateLimit", "RateLimit-Policy", "Retry-After", REQUEST_ID),
)
"""The middleware, given an application and its `allow_origins`."""


def origins_in(text: str) -> tuple[str, ...]:
    """Origins, separated by commas, each as a browser writes it. Raises ValueError for anything else, `*` too."""
    origins = tuple(one.strip() for one in text.split(",") if one.strip())
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(f"{origin} is no origin such as https://app.example, in small letters and without a path")
    return origins
