"""What is raised where a request does not fit a route, and only FastAPI can say why."""


class DoesNotFit(Exception):
    """The request is not what the route wants; FastAPI says why."""
