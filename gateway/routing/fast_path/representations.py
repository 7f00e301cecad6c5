"""Reads the resource that a conditional write concerns: what GET responds at its path."""

import re
from collections.abc import Iterable

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Scope

from gateway.routing.conditional_writes import Representation
from gateway.routing.fast_path.arguments import Given
from gateway.routing.fast_path.compiled_route import CompiledRoute
from gateway.routing.fast_path.middleware import Finder, Route
from gateway.routing.misfit import DoesNotFit
from mesh.core.errors import Invalid


class CompiledReads:
    """The application's GET routes, called within another request on behalf of the same user."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._find = Finder(route for route in routes if "GET" in route.methods).find

    async def read(self, request: Request) -> Representation | None:
        """See Representations."""
        found = self._resource(request.scope["path"], request.method)
        if found is None:
            return None
        route, path = found
        response = await route.respond(Given(_as_get(request.scope), _no_body, path))
        return Representation(dict(response.raw_headers), bytes(response.body))

    def _resource(self, path: str, method: str) -> tuple[CompiledRoute, dict[str, str]] | None:
        """The route of the path itself. For a POST of an action without GET, the route of the path above it."""
        if (found := self._find(path)) is None and method == "POST":
            return self._find(path.rpartition("/")[0])
        return found


class FastApisReads:
    """The same through FastAPI, for a version that the fast path does not know."""

    def __init__(self, router: ASGIApp, routes: Iterable[Route]) -> None:
        self._router = router
        self._patterns = [re.compile(route.pattern) for route in routes if "GET" in route.methods]

    async def read(self, request: Request) -> Representation | None:
        """See Representations."""
        path = request.scope["path"]
        if not self._is_known(path) and request.method == "POST":
            path = path.rpartition("/")[0]
        if not self._is_known(path):
            return None
        headers: dict[bytes, bytes] = {}
        body = bytearray()

        async def send(message: Message) -> None:
            headers.update(message.get("headers", ()))
            body.extend(message.get("body", b""))

        scope = {**_as_get(request.scope), "path": path, "raw_path": path.encode()}
        scope[_HANDLERS] = ({}, {})  # no handlers: exceptions propagate to us
        try:
            await self._router(scope, _no_body, send)
        except Invalid:
            raise DoesNotFit from None
        return Representation(headers, bytes(body))

    def _is_known(self, path: str) -> bool:
        return any(pattern.match(path) for pattern in self._patterns)


_HANDLERS = "starlette.exception_handlers"


def _as_get(scope: Scope) -> Scope:
    """The scope of a GET of the resource. The current request carries the user."""
    return {**scope, "method": "GET", "query_string": b"", "headers": []}


async def _no_body() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}
