"""GET within another request: on behalf of the same user, with every check that the same request would pass alone."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope

from gateway.problems import fault_response, internal_error
from mesh.core import context
from mesh.core.context import working_on
from mesh.core.errors import FieldError, Invalid, TimedOut, TooLarge
from mesh.wire.field_reasons import FieldReason
from mesh.wire.names import PROBLEM_JSON

log = structlog.get_logger()

Headers = list[tuple[bytes, bytes]]

_COPIED: Final = ("type", "asgi", "http_version", "server", "client", "scheme", "root_path", "app", "state")
_INNER: Final = "gateway.inner"
_OK: Final = 200
AT_ONCE: Final = 8
"""Reads in flight for one request, so that it takes no more of a service than a browser does."""
MOST_TOGETHER: Final = 4 * 1024 * 1024
"""Bytes of the answers that one request gets together."""
_JSON: Final = frozenset({b"application/json", PROBLEM_JSON.encode()})


@dataclass(frozen=True)
class Answer:
    """A whole response."""

    status: int
    headers: Headers
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether it is a 200."""
        return self.status == _OK

    @property
    def refused(self) -> bool:
        """Whether it is a fault of the request."""
        return 400 <= self.status < 500  # noqa: PLR2004  # client errors

    def header(self, name: bytes) -> str | None:
        """The value of a header; its name is in lower case."""
        return next((value.decode("latin-1") for each, value in self.headers if each == name), None)

    def response(self) -> Response:
        """The same as a response."""
        made = Response(self.body, self.status)
        made.raw_headers = list(self.headers)
        return made


class _NotJson(Exception):  # it is no error of ours
    """Ends an application whose response is no JSON, such as an event stream."""


def is_inner(scope: Scope) -> bool:
    """Whether a request is already within another one."""
    return _INNER in scope


async def collected(app: ASGIApp, scope: Scope, receive: Receive) -> Answer:
    """The whole response to a request. Raises _NotJson for one that is no JSON, within another request alone."""
    start: Message = {}
    parts = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            parts.append(message.get("body", b""))
            return
        if is_inner(scope) and dict(message["headers"]).get(b"content-type") not in _JSON:
            raise _NotJson
        start.update(message)

    await app(scope, receive, send)
    return Answer(start["status"], list(start["headers"]), b"".join(parts))


async def read(app: ASGIApp, scope: Scope, target: str) -> Answer:
    """What GET answers at `target`, a path with its query; a problem document if that fails or comes too late."""
    path, _, query = target.partition("?")
    inner: dict[str, Any] = {name: scope[name] for name in _COPIED if name in scope}
    inner |= {"method": "GET", "headers": [], "path": unquote(path), "raw_path": path.encode()}
    inner |= {"query_string": query.encode(), _INNER: True}
    try:
        with working_on(_without_key()):
            async with asyncio.timeout(context.remaining()):
                return await collected(app, inner, _no_body)
    except TimeoutError:
        failure = fault_response(TimedOut("deadline_exceeded", "the request's time is up"))
    except _NotJson:
        why = FieldError(field="path", reason=FieldReason.NOT_ALLOWED, message="is not the path of a read of JSON")
        failure = fault_response(Invalid("invalid_request", f"{why.field}: {why.message}", [why]))
    except Exception:
        log.exception("request_failed")
        failure = internal_error()
    return whole(failure)


def whole(response: Response) -> Answer:
    """A response that is made already."""
    return Answer(response.status_code, response.raw_headers, bytes(response.body))


def _too_much() -> TooLarge:
    return TooLarge("message_too_large", f"the answers together have more than {MOST_TOGETHER} bytes")


def _without_key() -> context.Context:
    """The current request. An Idempotency-Key is for the whole of it, not for what is read within it."""
    return context.in_request()._replace(idempotency_key=None)


def entrance(app: ASGIApp, state: Any) -> ASGIApp:  # noqa: ANN401  # Starlette's State
    """Middleware that costs nothing: it remembers where a request enters, below what counts and logs each one."""
    state.entrance = app
    return app


async def read_all(request: Request, targets: Iterable[str]) -> list[Answer]:
    """What GET answers at each target, read at once. Raises Invalid within a request of this kind."""
    if is_inner(request.scope):
        why = FieldError(field="path", reason=FieldReason.NOT_ALLOWED, message="must be a single read")
        raise Invalid("invalid_request", f"{why.field}: {why.message}", [why])
    places, left = asyncio.Semaphore(AT_ONCE), MOST_TOGETHER

    async def in_turn(target: str) -> Answer:
        nonlocal left
        async with places:
            if left > 0:
                answer = await read(request.app.state.entrance, request.scope, target)
                left -= len(answer.body)
            return answer if left > 0 else whole(fault_response(_too_much()))

    tasks = [asyncio.create_task(in_turn(target)) for target in targets]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)


async def _no_body() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}
