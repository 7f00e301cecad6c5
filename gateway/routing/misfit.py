"""Raised if a request does not fit a route, so that FastAPI reports why."""


class DoesNotFit(Exception):
    """The request does not fit the route. FastAPI reports why."""
