"""The order of the routes: the first one that matches a request answers it, so none may hide another."""

from itertools import combinations

from fastapi import FastAPI

from gateway.routing.fastapi_inside import routes_of


def refuse_shadowed(app: FastAPI) -> None:
    """Raise RuntimeError for a route whose path an earlier one of the same method matches, so that it answers nothing.

    A parameter in the later path counts as a segment of any text.
    """
    routes = [(found.path, found.path_regex, found.methods) for found in routes_of(app) if found.methods]
    for (earlier, regex, taken), (later, _, methods) in combinations(routes, 2):
        if (shared := taken & methods) and regex.match(later):
            method = min(shared)
            raise RuntimeError(f"{method} {later} is never reached: {earlier}, declared before it, takes its requests")
