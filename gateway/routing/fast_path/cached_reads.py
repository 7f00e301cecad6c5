"""Answers the routes of cached endpoints from memory (ADR 35)."""

import hashlib
from collections.abc import Awaitable, Mapping
from functools import partial
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from starlette.responses import Response
from starlette.types import Scope, Send

from gateway.routing.fast_path.arguments import Given
from gateway.routing.fast_path.compiled_route import CompiledRoute
from gateway.routing.misfit import DoesNotFit
from gateway.semantics.content_coding import COPIES
from gateway.upstream.response_cache import Concern, ResponseCache, Stored, Target
from mesh.core.endpoint import Endpoint

_REVALIDATE: Final = (b"cache-control", b"no-cache")
"""Others may keep the response too, and must ask before each use (RFC 9111, section 5.2.2.4)."""
_IN_MEMORY: Final = frozenset({"GET", "HEAD"})


class CachedReads:
    """Sends what the cache has, and fills it with the responses of the compiled routes."""

    def __init__(self, cache: ResponseCache) -> None:
        self._cache = cache

    def find(self, scope: Scope) -> Stored | None:
        """The response in memory that answers the request."""
        if scope["method"] not in _IN_MEMORY:
            return None
        return self._cache.find((scope["path"], scope["query_string"]))

    async def send(self, stored: Stored, scope: Scope, send: Send) -> None:
        """Send a response from memory, with its age. The server omits the body of a response to HEAD."""
        scope["route"] = stored.route
        headers = [*stored.headers, (b"age", b"%d" % self._cache.age(stored))]
        await send({"type": "http.response.start", "status": stored.status, "headers": headers})
        await send({"type": "http.response.body", "body": stored.body, COPIES: stored.copies})

    def respond(self, route: CompiledRoute, given: Given) -> Awaitable[Response]:
        """The route's response. Raises what the route does; DoesNotFit before any effect."""
        endpoint = route.route.calls
        if endpoint is None or not endpoint.cached or not self._cache.usable:
            return route.respond(given)
        given.scope["route"] = route.route
        target: Target = (given.scope["path"], given.scope["query_string"])
        concern = Concern(endpoint.service, _key(endpoint, given.path))
        return self._cache.read(target, concern, route.route, partial(_public, route, given))


async def _public(route: CompiledRoute, given: Given) -> Response:
    """The response with the headers by which other caches revalidate it."""
    response = await route.respond(given)
    names = [name for name, _ in response.raw_headers]
    if b"etag" not in names:
        digest = hashlib.blake2b(response.body, digest_size=8).hexdigest().encode()
        response.raw_headers.append((b"etag", b'"%b"' % digest))
    response.raw_headers.append(_REVALIDATE)
    return response


def _key(endpoint: Endpoint[Any, Any], path: Mapping[str, str]) -> str | None:
    """The key in the path as the service writes it: `007` is product 7. None for a list.

    Raises DoesNotFit for a key that no resource can have.
    """
    if not path:
        return None
    request: type[BaseModel] = endpoint.request
    try:
        read = request.model_validate_strings(path)
    except ValidationError:
        raise DoesNotFit from None
    [key] = (str(getattr(read, name)) for name in path)
    return key
