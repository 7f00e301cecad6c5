"""What a request's head must be (RFC 9112), and how large."""

import re
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.errors import refusal
from gateway.settings import HttpLimits
from mesh.errors import Fault, Invalid, Unauthenticated

LONGEST_AUTHORIZATION: Final = 4096 + len("Bearer ")
"""Bytes. In a head that is small enough a longer one gets as far as the Verifier, which does not read it either."""
_SINGLE = (b"authorization", b"idempotency-key")
_HIDDEN = re.compile(rb"%(?:2f|[01][0-9a-f]|7f)", re.IGNORECASE)
"""A slash, or a control character, that a proxy in front may not see: `/v1/users%0a` would pass for `/v1/users`."""
_LONG_TOKEN = re.compile(rb"(?:^|\n)authorization:[^\r\n]{%d}" % (LONGEST_AUTHORIZATION + 1), re.IGNORECASE)


def over(limit: int, head: bytes) -> Fault:
    """Why a head over the limit, of which `head` is the beginning, is refused: for its token, if that is too long."""
    if _LONG_TOKEN.search(head):
        return Unauthenticated("invalid_token", "the access token is too long")
    return Invalid("head_too_large", f"the head is over {limit} bytes")


class HeadLimit:
    """Refuses a request whose head is over a limit, or not clear about where it goes or where it ends."""

    def __init__(self, app: ASGIApp, limits: HttpLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        fault = (self._too_large(scope) or _unclear(scope)) if scope["type"] == "http" else None
        app = self._app if fault is None else refusal(fault)
        await app(scope, receive, send)

    def _too_large(self, scope: Scope) -> Fault | None:
        limits, headers = self._limits, scope["headers"]
        url = len(scope["raw_path"]) + len(scope["query_string"])
        if url > limits.gateway_max_url:
            return Invalid("url_too_long", f"the URL is over {limits.gateway_max_url} bytes")
        if len(headers) > limits.gateway_max_headers:
            return Invalid("head_too_large", f"there are more than {limits.gateway_max_headers} headers")
        if url + sum(len(name) + len(value) for name, value in headers) > limits.gateway_max_head:
            return over(limits.gateway_max_head, b"".join(b"\n%s:%s" % header for header in headers))
        return None


def _unclear(scope: Scope) -> Invalid | None:
    names = [name for name, _ in scope["headers"]]
    version = scope["http_version"]
    why = None
    if version not in {"1.0", "1.1"}:
        why = "the request must be HTTP/1.1 or HTTP/1.0"
    elif (hosts := names.count(b"host")) != 1 and (hosts or version == "1.1"):
        why = "there must be one Host header"
    elif _HIDDEN.search(scope["raw_path"]):
        why = "the path must not have an encoded slash or control character in it"
    elif any(names.count(name) > 1 for name in _SINGLE):
        why = "Authorization and Idempotency-Key may each be there once"
    elif b"transfer-encoding" in names and (b"content-length" in names or version == "1.0"):
        why = "Transfer-Encoding goes with neither Content-Length nor HTTP/1.0"
    return Invalid("malformed_request", why) if why else None
