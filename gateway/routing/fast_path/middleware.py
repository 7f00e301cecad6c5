"""The fast path: a valid request to a compiled route bypasses FastAPI's machinery (ADR 9).

FastAPI analyses a route when it is declared, and walks through that analysis on each request. Here each route is
compiled once, at the start. A request that does not fit (unknown path, other method, missing or invalid parameter) goes
to FastAPI untouched, which reports what is wrong. So the fast path has no error responses of its own. A route that
cannot be compiled is only slower.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import structlog
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.problems import HANDLERS, answer
from gateway.routing.fast_path.arguments import Given, NotCompilable
from gateway.routing.fast_path.cached_reads import CachedReads
from gateway.routing.fast_path.compiled_route import CompiledRoute, compiled
from gateway.routing.fastapi_inside import Insides, RouteContext, difference, positional, routes_of
from gateway.routing.misfit import DoesNotFit

log = structlog.get_logger()

_EXPECTED: Final[tuple[type[Exception], ...]] = tuple(HANDLERS)


@dataclass(frozen=True)
class Route:
    """A path with its methods and its compiled route; None leaves it to FastAPI."""

    name: str
    pattern: str
    methods: frozenset[str]
    """Empty for any method."""
    parameters: tuple[str, ...]
    compiled: CompiledRoute | None


def routes(app: FastAPI, insides: Insides = Insides()) -> Iterator[Route]:  # noqa: B008  # it is frozen
    """Every route of the application, in order, compiled where possible.

    If this version of FastAPI is unknown to the fast path, none is compiled, and one warning is logged.
    """
    if (unknown := difference(app, insides)) is not None:
        log.warning("fast_path_not_taken", detail=f"this version of FastAPI is not known: {unknown}")
    for found in routes_of(app):
        if (pattern := getattr(found, "path_regex", None)) is None:
            continue
        answered_by = None if unknown else _compiled(found)
        methods, parameters = frozenset(found.methods or ()), tuple(found.param_convertors)
        yield Route(found.name or "", pattern.pattern, methods, parameters, answered_by)


def _compiled(found: RouteContext) -> CompiledRoute | None:
    try:
        return compiled(found)
    except NotCompilable:
        return None


class FastPath:
    """Answers requests that fit a compiled route, from memory if it can. All others go to the application behind it."""

    def __init__(self, app: ASGIApp, routes: Iterable[Route], cached: CachedReads | None = None) -> None:
        """`cached`: None answers nothing from memory."""
        self._app = app
        self._cached = cached
        known = tuple(routes)
        self._finders = {
            method: Finder(route for route in known if method in route.methods or not route.methods)
            for method in {method for route in known for method in route.methods}
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        cached, is_http = self._cached, scope["type"] == "http"
        if cached is not None and is_http and (stored := cached.find(scope)) is not None:
            await cached.send(stored, scope, send)
            return
        finder = self._finders.get(scope["method"]) if is_http else None
        found = finder.find(scope["path"]) if finder else None
        if found is None:
            await self._app(scope, receive, send)
            return
        route, path = found
        given = Given(scope, receive, path)
        try:
            response = await (route.respond(given) if cached is None else cached.respond(route, given))
        except DoesNotFit:
            await self._app(scope, given.receive_again, send)
            return
        except _EXPECTED as error:
            response = await answer(given.request, error)
        await response(scope, receive, send)


class Finder:
    """Finds the first route that matches a path, with one regular expression for all of them."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes: dict[int, Route] = {}
        """By the number of the route's group."""
        alternatives = []
        groups = 0
        for route in routes:
            alternative = positional(route.pattern)
            self._routes[groups + 1] = route
            alternatives.append(f"({alternative})")
            groups += 1 + re.compile(alternative).groups
        self._match = re.compile("|".join(alternatives)).fullmatch

    def find(self, path: str) -> tuple[CompiledRoute, dict[str, str]] | None:
        """The route and its path parameters; None if FastAPI must answer."""
        match = self._match(path)
        if match is None or match.lastindex is None:
            return None
        route = self._routes[match.lastindex]
        if route.compiled is None:
            return None
        within = range(match.lastindex + 1, match.lastindex + 1 + len(route.parameters))
        return route.compiled, dict(zip(route.parameters, map(match.group, within), strict=True))
