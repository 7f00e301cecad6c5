"""Limits the size of a request's head, and refuses what a proxy may read differently than the gateway."""

import re
from collections.abc import Awaitable, Iterable
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.problems import refusal
from gateway.semantics.fields import fields
from gateway.settings import HttpLimits
from mesh.core.errors import Fault, Invalid

_SINGLE: Final = (b"authorization", b"idempotency-key")
_HIDDEN: Final = re.compile(rb"%(?:2f|[01][0-9a-f]|7f)", re.IGNORECASE)
"""An encoded slash or control character, which a proxy may not see: `/v1/users%0a` would pass for `/v1/users`."""


class HeadLimit:
    """Refuses a request with too long a URL, too many headers, or an ambiguous path or credential."""

    def __init__(self, app: ASGIApp, limits: HttpLimits) -> None:
        self._app = app
        self._limits = limits

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """See ASGI. It is not async, so that it costs no coroutine."""
        fault = self._fault(scope) if scope["type"] == "http" else None
        app = self._app if fault is None else refusal(fault)
        return app(scope, receive, send)

    def _fault(self, scope: Scope) -> Fault | None:
        limits, headers = self._limits, scope["headers"]
        if len(scope["raw_path"]) + len(scope["query_string"]) > limits.gateway_max_url:
            return Invalid("url_too_long", f"the URL is over {limits.gateway_max_url} bytes")
        if len(headers) > limits.gateway_max_headers:
            return Invalid("head_too_large", f"the request has more than {limits.gateway_max_headers} headers")
        if b"%" in scope["raw_path"] and _HIDDEN.search(scope["raw_path"]):
            return Invalid("malformed_request", "the path must not contain an encoded slash or control character")
        if len(fields(scope)) < len(headers) and any(_times(name, headers) > 1 for name in _SINGLE):
            return Invalid("malformed_request", "Authorization and Idempotency-Key may each appear once")
        return None


def _times(wanted: bytes, headers: Iterable[tuple[bytes, bytes]]) -> int:
    return sum(name == wanted for name, _ in headers)
