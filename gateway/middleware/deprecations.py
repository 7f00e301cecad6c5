"""Adds `Deprecation` and `Sunset` to every response of a deprecated route. Without one there is no such layer."""

import re
from collections.abc import Iterable, Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.routing.fastapi_inside import RouteContext
from gateway.routing.route import JsonRoute

Headers = Sequence[tuple[bytes, bytes]]
Retiring = tuple[re.Pattern[str], frozenset[str], Headers]
"""The path of a deprecated route, its methods, and the headers of its responses."""


class Deprecations:
    """Adds the headers, whatever the status."""

    def __init__(self, app: ASGIApp, routes: Sequence[Retiring]) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        headers = self._headers(scope) if scope["type"] == "http" else ()

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *headers]
            await send(message)

        await self._app(scope, receive, send_with_headers if headers else send)

    def _headers(self, scope: Scope) -> Headers:
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        return next(
            (found for path, methods, found in self._routes if method in methods and path.match(scope["path"])), ()
        )


def retiring(routes: Iterable[RouteContext]) -> list[Retiring]:
    """The deprecated ones of an application's routes."""
    return [
        (found.path_regex, frozenset(route.methods or ()), route.deprecation.headers())
        for found in routes
        if isinstance(route := found.original_route, JsonRoute) and route.deprecation is not None
    ]
