"""Methods (RFC 9110, section 9) on every path: HEAD, OPTIONS, and methods that are refused."""

from collections.abc import Iterable
from typing import Final

from fastapi import FastAPI
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.problems import fault_response
from gateway.routing.fastapi_inside import RouteContext, routes_of
from gateway.semantics.event_stream import TO_HEAD
from gateway.semantics.media_type import ACCEPT_PATCH
from mesh.core.errors import Invalid

_KNOWN: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
"""The methods of RFC 9110 and RFC 5789. Every path refuses any other."""
UNKNOWN_METHOD: Final = Invalid("method_not_implemented", "This method is not supported.")
_FILES: Final = frozenset({"GET"})
"""Methods of mounted files."""


class Methods:
    """Answers OPTIONS and unsupported methods, and HEAD as GET without content. The rest goes to the routes."""

    def __init__(self, app: ASGIApp, routes: Iterable[RouteContext]) -> None:
        self._app = app
        self._routes = [(route.path_regex, route.methods or _FILES, route.original_route) for route in routes]
        self._everywhere = _allowed({method for _, methods, _ in self._routes for method in methods})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method, path = scope["method"], scope["path"]
        here = [route for route in self._routes if route[0].match(path)]
        methods = {method for _, methods, _ in here for method in methods}
        if method not in _KNOWN:
            await fault_response(UNKNOWN_METHOD)(scope, receive, send)
        elif method == "OPTIONS" and path == "*":
            await Response(None, 204, {"Allow": self._everywhere})(scope, receive, send)
        elif not here or method in methods:
            await self._app(scope, receive, send)
        elif method == "HEAD" and "GET" in methods:
            await self._head(scope, receive, send)
        else:
            scope["route"] = here[0][2]  # for the access log
            await _about(method, methods)(scope, receive, send)

    async def _head(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as GET does. The server omits the content, as of every response to HEAD."""
        as_get = {**scope, "method": "GET", TO_HEAD: True}
        try:
            await self._app(as_get, receive, send)
        finally:
            if "route" in as_get:
                scope["route"] = as_get["route"]


def routes(app: FastAPI) -> Iterable[RouteContext]:
    """Everything in the application that has a path: routes and mounts."""
    return [found for found in routes_of(app) if getattr(found, "path_regex", None) is not None]


def _about(method: str, methods: set[str]) -> Response:
    headers = {"Allow": _allowed(methods)}
    if method != "OPTIONS":
        return fault_response(
            Invalid("method_not_allowed", f"Method not allowed here. Allowed: {headers['Allow']}."), headers
        )
    if "PATCH" in methods:
        headers["Accept-Patch"] = ACCEPT_PATCH
    return Response(None, 204, headers)


def _allowed(methods: set[str]) -> str:
    return ", ".join(sorted({*methods, "OPTIONS", *(("HEAD",) if "GET" in methods else ())}))
