"""Cross-origin requests (CORS, the Fetch standard): refused, unless the page's origin is configured."""

from functools import partial
from typing import Final

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from gateway.problems import problem
from gateway.semantics.totals import ESTIMATED, TOTAL
from mesh.core.errors import Invalid
from mesh.wire.names import AUTHORIZATION, CONTENT_TYPE, IDEMPOTENCY_KEY, REQUEST_ID, TRACE_HEADERS


class _Problems(CORSMiddleware):
    """CORSMiddleware that refuses a preflight with a problem document."""

    def preflight_response(self, request_headers: Headers) -> Response:
        """Answer a preflight."""
        answer = super().preflight_response(request_headers)
        if answer.status_code < 400:  # noqa: PLR2004  # then it may
            return answer
        headers = {name: value for name, value in answer.headers.items() if not name.startswith("content-")}
        why = bytes(answer.body).decode()  # it names what is disallowed: origin, method or headers
        return problem(Invalid("preflight_refused", why), answer.status_code, headers)


CrossOrigin: Final = partial(
    _Problems,
    allow_methods=("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"),
    allow_headers=(
        AUTHORIZATION,
        CONTENT_TYPE,
        IDEMPOTENCY_KEY,
        "If-Match",
        "If-None-Match",
        "Last-Event-ID",
        "Prefer",
        REQUEST_ID,
        *TRACE_HEADERS,
    ),
    allow_credentials=False,  # there are no cookies: a page sets Authorization itself
    expose_headers=(
        "Deprecation",
        "ETag",
        "Link",
        "Location",
        "Preference-Applied",
        "RateLimit",
        "RateLimit-Policy",
        "Retry-After",
        "Sunset",
        TOTAL,
        ESTIMATED,
        REQUEST_ID,
    ),
)
"""The middleware, as a function of an application and `allow_origins`."""
