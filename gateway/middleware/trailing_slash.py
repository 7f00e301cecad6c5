"""Reads a path with a slash at its end as the path without it: `/v1/customers/` is `/v1/customers`."""

from collections.abc import Awaitable

from starlette.types import ASGIApp, Receive, Scope, Send


class TrailingSlash:
    """Removes one slash from the end of a path.

    A redirect would cost a request more, and many clients send neither the body nor Authorization again. This is in
    front of everything that looks at the path, so no limit can be passed by.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """See ASGI. It is not async, so that it costs no coroutine."""
        if scope["type"] == "http" and scope["path"][-1:] == "/" and scope["path"][-2:] not in {"/", "//"}:
            scope["path"] = scope["path"][:-1]
            scope["raw_path"] = scope["raw_path"][:-1]
        return self._app(scope, receive, send)
