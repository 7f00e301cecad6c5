"""Checks the order of routes: the first match answers a request, so no route may hide another."""

from itertools import combinations

from fastapi import FastAPI

from gateway.routing.fastapi_inside import routes_of


def refuse_shadowed(app: FastAPI) -> None:
    """Raise RuntimeError for a route that never answers, since an earlier one of the same method matches its path.

    A parameter in the later path stands for any segment.
    """
    routes = [(found.path, found.path_regex, found.methods) for found in routes_of(app) if found.methods]
    for (earlier, regex, taken), (later, _, methods) in combinations(routes, 2):
        if (shared := taken & methods) and regex.match(later):
            method = min(shared)
            raise RuntimeError(
                f"{method} {later} is never reached: {earlier} is declared before it and matches its requests"
            )
