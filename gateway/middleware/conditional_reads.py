"""Conditional and range requests by GET and HEAD (RFC 9110, sections 13 and 14), for routes, pages and files alike."""

import re
from collections.abc import Awaitable
from contextlib import suppress
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.problems import fault_response, problem
from gateway.semantics.conditions import CONDITIONS, current, failed, unmet
from gateway.semantics.fields import fields
from mesh.core.errors import Invalid

_RANGE: Final = b"range"
_WATCHED: Final = CONDITIONS | {_RANGE}
_ONE_RANGE: Final = re.compile(rb"bytes=[ \t]*(?:([0-9]{1,18})-([0-9]{1,18})?|-[0-9]{1,18})[ \t]*", re.IGNORECASE)
_TOLD_IN_304: Final = frozenset({"age", "cache-control", "content-location", "etag", "expires", "vary"})
_NOT_SATISFIABLE: Final = 416


class _Replaced(Exception):  # it is no error
    """Ends an application whose response nobody reads."""


class ConditionalReads:
    """Checks the conditions of a request against the ETag and Last-Modified of the response.

    The application gets none of the conditions, and no Range but a single range of bytes. Others may be ignored (an
    unknown unit and a Range of HEAD must be).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """See ASGI. Not async: a request without conditions costs no coroutine."""
        if (
            scope["type"] != "http"
            or scope["method"] not in {"GET", "HEAD"}
            or fields(scope).keys().isdisjoint(_WATCHED)
        ):
            return self._app(scope, receive, send)
        return self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = scope["headers"]
        hidden = CONDITIONS if scope["method"] == "GET" and _takes(fields(scope).get(_RANGE)) else _WATCHED
        scope["headers"] = [header for header in headers if header[0] not in hidden]
        replaced = False

        async def send_if_met(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start" and (response := _instead(headers, message)) is not None:
                replaced = True
                await response(scope, receive, send)
            elif not replaced:
                await send(message)
            elif message.get("more_body", False):
                raise _Replaced  # an event stream would go on unread

        with suppress(_Replaced):
            await self._app(scope, receive, send_if_met)


def _instead(headers: list[tuple[bytes, bytes]], start: Message) -> Response | None:
    """The response to send instead of one with these headers; None to send it as it is."""
    answered = Headers(raw=start["headers"])
    if start["status"] == _NOT_SATISFIABLE:
        why = Invalid("range_not_satisfiable", "the range lies outside the file")
        return fault_response(why, {"Content-Range": answered["content-range"]})
    if not 200 <= start["status"] < 300:  # noqa: PLR2004  # then conditions count for nothing (section 13.2.1)
        return None
    found = dict(start["headers"])
    etag = found.get(b"etag")
    try:
        status = unmet(headers, etag, found.get(b"last-modified"), reads=True)
    except Invalid as fault:
        return fault_response(fault)
    if status == 304:  # noqa: PLR2004  # Not Modified
        return Response(None, 304, {name: value for name, value in answered.items() if name in _TOLD_IN_304})
    if status is None:
        return None
    unmet_by = failed(etag)
    return problem(unmet_by, status, current(unmet_by.current_version))


def _takes(range_: bytes | None) -> bool:
    one = _ONE_RANGE.fullmatch(range_ or b"")
    return one is not None and (one[2] is None or int(one[1]) <= int(one[2]))
