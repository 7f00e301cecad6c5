"""Lets in only signed-in browsers, from the page itself, and sets the headers that keep other sites out."""

from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.access import Sessions

_OPEN: Final = ("/sign-in.html", "/sign-in.js", "/style.css", "/icon.svg", "/api/sign-in", "/healthz")
"""What a browser without a session needs to sign in."""
_BY_TOKEN: Final = ("/v1/traces", "/v1/logs")
"""Where processes send to, with a token of their own."""
_SAFE: Final = ("GET", "HEAD", "OPTIONS")
_HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, sessions: Sessions) -> None:
        self._app = app
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        answer = self._refusal(HTTPConnection(scope))
        await (answer or self._app)(scope, receive, with_headers)

    def _refusal(self, request: HTTPConnection) -> ASGIApp | None:
        """The answer to a request that is not let in."""
        path, method = request.url.path, request.scope["method"]
        if path in _BY_TOKEN or self._sessions.has_key(request):
            return None
        if method not in _SAFE and not _from_the_page(request):
            return JSONResponse({"detail": "the request comes from another page"}, 403)
        if path in _OPEN or self._sessions.valid(request):
            return None
        if path == "/" and "token" in request.query_params:
            return None
        if path.startswith("/api/"):
            return JSONResponse({"detail": "sign in first"}, 401)
        return RedirectResponse("/sign-in.html", 303)


def _from_the_page(request: HTTPConnection) -> bool:
    """Whether a browser sends it from a page of this console: it names the page's origin."""
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == request.headers.get("host")
