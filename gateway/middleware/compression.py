"""Compresses responses for clients that ask for it (ADR 34)."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from pydantic import BaseModel
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.routing.fastapi_inside import RouteContext, positional
from gateway.routing.route import JsonRoute
from gateway.semantics.conditions import IF_NONE_MATCH, tags, weakened
from gateway.semantics.content_coding import COPIES, Compressor, chosen, compressor
from gateway.semantics.fields import fields

LEAST: Final = 1024
"""Bytes from which a body is compressed. A smaller one fits one packet as it is."""
_BIG: Final = 32 * 1024
"""Bytes from which a thread compresses. For 32 KiB gzip takes 0.3 to 0.7 ms, zstd 0.1 to 0.2, and the thread 0.06."""
_ACCEPT_ENCODING: Final = b"accept-encoding"
_VARY: Final = (b"vary", b"Accept-Encoding")
_TEXT: Final = re.compile(rb"(?:application/(?:[\w.-]+\+)?json|application/javascript|text/(?!event-stream)|image/svg)")
_NOT_MODIFIED: Final = 304
_PARTIAL: Final = 206
_UNPRESSED: Final = frozenset({b"content-length", b"accept-ranges", b"etag"})
_SECRETS_OF: Final = "auth"

IsSecret = Callable[[str], object]


class Compression:
    """Compresses bodies of text from LEAST bytes, except of paths in `secret`. Event streams are never compressed."""

    def __init__(self, app: ASGIApp, secret: Iterable[str]) -> None:
        self._app = app
        self._is_secret = re.compile("|".join(secret)).fullmatch

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """See ASGI. It is not async: a request without Accept-Encoding costs one look at its headers."""
        accepted = fields(scope).get(_ACCEPT_ENCODING) if scope["type"] == "http" else None
        if accepted is not None and (coding := chosen(accepted)) is not None:
            send = _Compressing(coding, scope, send, self._is_secret)
        return self._app(scope, receive, send)


class _Compressing:
    """Sends a response, compressed if that is worth it."""

    def __init__(self, coding: bytes, scope: Scope, send: Send, is_secret: IsSecret) -> None:
        self._coding = coding
        self._path: str = scope["path"]
        self._headers = scope["headers"]
        """Of the request. ConditionalReads hides conditions from the scope."""
        self._send = send
        self._is_secret = is_secret
        self._start: Message | None = None
        """The start of the response, until its first part is there."""
        self._compressor: Compressor | None = None

    def __call__(self, message: Message) -> Awaitable[None]:
        """See ASGI's send. It is not async, so that a response that stays as it is costs no coroutine."""
        if message["type"] == "http.response.start":
            if self._is_worth_it(message):
                return self._wait_for_the_body(message)
            if message["status"] == _NOT_MODIFIED:
                message = self._not_modified(message)
        elif self._compressor is not None:
            return self._send_compressed(self._compressor, message)
        return self._send(message)

    def _is_worth_it(self, start: Message) -> bool:
        headers = dict(start["headers"])
        length = headers.get(b"content-length", b"0")
        return (
            len(length) >= len(str(LEAST))
            and int(length) >= LEAST
            and start["status"] != _PARTIAL
            and b"content-encoding" not in headers
            and _TEXT.match(headers.get(b"content-type", b"")) is not None
            and not self._is_secret(self._path)
        )

    async def _wait_for_the_body(self, start: Message) -> None:
        self._start, self._compressor = start, compressor(self._coding)

    async def _send_compressed(self, compressor: Compressor, message: Message) -> None:
        body, last = message.get("body", b""), not message.get("more_body", False)
        copies: dict[bytes, bytes] = message.get(COPIES, {})
        if (copy := copies.get(self._coding)) is not None:
            part = copy
        elif len(body) < _BIG:
            part = _part(compressor, body, last=last)
        else:
            part = await asyncio.to_thread(_part, compressor, body, last=last)
        if last:
            copies[self._coding] = part
        if self._start is not None:
            start, self._start = self._start, None
            length = ((b"content-length", b"%d" % len(part)),) if last else ()
            await self._send({**start, "headers": [*_headers(start, self._coding), *length]})
        await self._send({**message, "body": part})

    def _not_modified(self, start: Message) -> Message:
        """The 304 for a compressed copy: with the ETag of that copy (RFC 9110, section 15.4.5)."""
        etag = dict(start["headers"]).get(b"etag")
        if etag is None or weakened(etag) not in (tags(self._headers, IF_NONE_MATCH) or ()):
            return start
        others = [header for header in start["headers"] if header[0] != b"etag"]
        return {**start, "headers": [*others, (b"etag", weakened(etag)), _VARY]}


def _headers(start: Message, coding: bytes) -> Iterable[tuple[bytes, bytes]]:
    """The headers of the compressed response. Its ETag is weak: its bytes are not those that the tag was made for."""
    for name, value in start["headers"]:
        if name == b"etag":
            yield name, weakened(value)
        elif name not in _UNPRESSED:
            yield name, value
    yield b"content-encoding", coding
    yield _VARY


def _part(compressor: Compressor, body: bytes, *, last: bool) -> bytes:
    return compressor.compress(body) + (compressor.flush() if last else b"")


def secret_paths(routes: Iterable[RouteContext]) -> list[str]:
    """The patterns of paths whose responses may have secrets: those of auth, and models with a field without repr.

    Compression would tell the secret's text by the length (BREACH, CVE-2013-3587).
    """
    return [positional(route.path_regex.pattern) for route in routes if _has_secrets(route)]


def _has_secrets(route: RouteContext) -> bool:
    original = route.original_route
    if not isinstance(original, JsonRoute):
        return False
    if original.calls is not None and original.calls.service == _SECRETS_OF:
        return True
    model = original.response_model
    fields = model.model_fields.values() if isinstance(model, type) and issubclass(model, BaseModel) else ()
    return any(not field.repr for field in fields)
