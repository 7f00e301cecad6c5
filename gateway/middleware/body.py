"""Limits the size of a request's body, and the time it may take to arrive."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.problems import BodyFault
from gateway.semantics.fields import fields
from mesh.core import context
from mesh.core.errors import TimedOut, TooLarge

_LENGTH: Final = b"content-length"
_OF_A_BODY: Final = frozenset({_LENGTH, b"transfer-encoding"})
"""A request with neither has no body (RFC 9112, section 6.3)."""


class BodyLimit:
    """Stops reading a body that exceeds `limit` bytes of its path, or that is incomplete at the request's deadline."""

    def __init__(self, app: ASGIApp, limit: Callable[[str], int]) -> None:
        self._app = app
        self._limit = limit

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """See ASGI. It is not async, so that a request without a body costs no coroutine."""
        if scope["type"] != "http" or (sent := fields(scope)).keys().isdisjoint(_OF_A_BODY):
            return self._app(scope, receive, send)
        return self._bounded(sent.get(_LENGTH, b"0"), scope, receive, send)

    async def _bounded(self, announced: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        limit = self._limit(scope["path"])
        too_large = not announced.isdigit() or len(announced) > len(str(limit)) or int(announced) > limit
        received = 0
        complete = False

        async def receive_bounded() -> Message:
            nonlocal received, complete
            if too_large:
                raise _too_large()
            if complete:
                return await receive()
            message = await _in_time(receive)
            received += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if received > limit:
                raise _too_large()
            return message

        await self._app(scope, receive_bounded, send)


async def _in_time(receive: Receive) -> Message:
    current = context.current()
    try:
        async with asyncio.timeout_at(current.deadline if current else None):
            return await receive()
    except TimeoutError:
        raise BodyFault(TimedOut("request_timeout", "the request's body did not arrive in time")) from None


def _too_large() -> BodyFault:
    return BodyFault(TooLarge("body_too_large", "the request's body is too large"))
