"""Reads the resource that a write's conditions are about: what GET answers at its path."""

from collections.abc import Iterable

from starlette.requests import Request
from starlette.types import Message

from gateway.routing.fast_path.arguments import Given
from gateway.routing.fast_path.compiled_route import CompiledRoute
from gateway.routing.fast_path.middleware import Finder, Route


class CompiledReads:
    """The application's GET routes, asked within another request, on behalf of the same user."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._find = Finder(route for route in routes if "GET" in route.methods).find

    async def headers(self, request: Request) -> dict[bytes, bytes] | None:
        """See Representations."""
        found = self._resource(request.scope["path"], request.method)
        if found is None:
            return None
        route, path = found
        scope = {
            **request.scope,
            "method": "GET",
            "query_string": b"",
            "headers": [],  # the user is known by the current request
        }
        response = await route.respond(Given(scope, _no_body, path))
        return dict(response.raw_headers)

    def _resource(self, path: str, method: str) -> tuple[CompiledRoute, dict[str, str]] | None:
        """What is at the path itself; where an action is posted that has none of its own, what is above it."""
        if (found := self._find(path)) is None and method == "POST":
            return self._find(path.rpartition("/")[0])
        return found


async def _no_body() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}
