"""Limits concurrent password hashing, so that a flood of logins does not slow down everything else."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Container

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.problems import BodyFault
from mesh.core import context
from mesh.core.errors import Unavailable

_LONGEST_WAIT = 0.25
"""The share of a request's time that it may wait, as in a worker's queue. After that it is refused."""


class Bulkhead:
    """Lets `at_once` requests to `paths` through at a time. `waiting` more may wait; others are refused at once.

    A hash takes some 30 ms of a core. More requests would only cost the gateway, auth and its database work on what is
    refused later. A request takes a place once its body is complete, so that a slow sender holds none.
    """

    def __init__(self, app: ASGIApp, paths: Container[str], at_once: int, waiting: int) -> None:
        self._app = app
        self._paths = paths
        self._places = at_once
        self._most_waiting = waiting
        self._waiting: deque[asyncio.Future[None]] = deque()

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """See ASGI. It is not async, so that a request to another path costs no coroutine."""
        if scope["type"] != "http" or scope["path"] not in self._paths:
            return self._app(scope, receive, send)
        return self._in_turn(scope, receive, send)

    async def _in_turn(self, scope: Scope, receive: Receive, send: Send) -> None:
        inside = False

        async def receive_in_turn() -> Message:
            nonlocal inside
            message = await receive()
            if not inside and message["type"] == "http.request" and not message.get("more_body", False):
                if not await self._enter():
                    raise BodyFault(Unavailable("gateway_busy", "too many passwords are being hashed at the moment"))
                inside = True
            return message

        try:
            await self._app(scope, receive_in_turn, send)
        finally:
            if inside:
                self._leave()

    async def _enter(self) -> bool:
        if self._places:
            self._places -= 1
            return True
        if len(self._waiting) >= self._most_waiting:
            return False
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout((context.remaining() or 0) * _LONGEST_WAIT):
                await turn
        except (TimeoutError, asyncio.CancelledError) as error:
            if turn.cancelled():
                self._waiting = deque(one for one in self._waiting if one is not turn)
            else:
                self._leave()  # the place was granted at the same moment
            if isinstance(error, TimeoutError):
                return False
            raise
        return True

    def _leave(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._places += 1
