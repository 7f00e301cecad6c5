"""Bounds how long the gateway waits for a client, and the number of connections: uvicorn's limits are too few."""

import asyncio
from typing import Any

from starlette.types import Receive, Scope, Send

from gateway.http.framing import FramedProtocol
from gateway.http.uvicorn_inside import RequestResponseCycle
from gateway.middleware.request_context import DISCONNECTED, RequestContext
from gateway.problems import refusal
from gateway.settings import HttpLimits
from mesh.core.errors import Fault, TimedOut, Unavailable

_SURPLUS_TIMEOUT = 1.0
_LAST_REQUEST = 0.5
"""Seconds that a request may still take to arrive when the gateway shuts down."""


def protocol(limits: HttpLimits) -> type[asyncio.Protocol]:
    """The protocol class with these limits, as uvicorn expects it."""
    return type("Protocol", (HttpProtocol,), {"limits": limits})


class HttpProtocol(FramedProtocol):
    """HTTP/1.1 that closes the connection of a slow client, and cancels the request of a disconnected one."""

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401  # asyncio and uvicorn name different types
        """Start the deadline of the first head."""
        super().connection_made(transport)
        self._unread: asyncio.TimerHandle | None = None
        self._working: tuple[RequestResponseCycle, asyncio.Task[None]] | None = None
        timeout = self.limits.gateway_head_timeout
        if len(self.connections) > self.limits.gateway_max_connections:
            self.app = _SURPLUS  # refusing before the request is read would reset the connection
            timeout = min(timeout, _SURPLUS_TIMEOUT)
        self._expiry: asyncio.TimerHandle | None = self.loop.call_later(timeout, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timers, and cancel the request in flight."""
        self._settle()
        self.resume_writing()
        super().connection_lost(exc)
        if self._working is not None and not self._working[0].response_complete:
            cycle, task = self._working
            cycle.disconnected = True
            task.cancel(DISCONNECTED)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:  # noqa: ANN401  # an ASGI application
        task = self.loop.create_task(cycle.run_asgi(app))
        self._working = cycle, task
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    # Reading. The deadline of a head runs from the last response, or from the connection, to the end of the head.

    def data_received(self, data: bytes) -> None:
        """Read, and start or stop the deadline."""
        super().data_received(data)
        self._watch()

    def _watch(self) -> None:
        if self._answering:
            self._settle()
        elif self._expiry is None and not self._ignoring and not self.transport.is_closing():
            self._expiry = self.loop.call_later(self.limits.gateway_head_timeout, self._give_up)

    def _settle(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None

    def _give_up(self) -> None:
        if self._in_head:
            self._refuse(TimedOut("request_timeout", "the request's head did not arrive in time"))
        elif self._in_body:
            self._end()
        else:
            self._close()

    def _refuse(self, fault: Fault) -> None:
        self._settle()
        super()._refuse(fault)

    def shutdown(self) -> None:
        """Finish the request that is being read or answered, then close. uvicorn would drop an unread one."""
        self._ending = True
        if self._answering:
            self.cycle.keep_alive = False
        elif not self._in_head and not self._ignoring:
            self._settle()
            self._expiry = self.loop.call_later(_LAST_REQUEST, self._give_up)

    # Writing. A deadline runs while the client does not read.

    def pause_writing(self) -> None:
        """Start the deadline for the client to read."""
        super().pause_writing()
        self._expect_reading()

    def resume_writing(self) -> None:
        """Stop it."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def on_response_complete(self) -> None:
        """Go on to the next request, or close."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._expect_reading()
        elif self._buffer:
            self._watch()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection."""
        self._close()

    def _close(self) -> None:
        super()._close()
        self._expect_reading()  # the transport would wait without a limit

    def _expect_reading(self) -> None:
        if self._unread is None:
            self._unread = self.loop.call_later(self.limits.gateway_write_timeout, self.transport.abort)


async def _refuse_surplus(scope: Scope, receive: Receive, send: Send) -> None:
    too_many = Unavailable("too_many_connections", "the gateway has reached its limit of connections")
    await refusal(too_many)(scope, receive, send)


_SURPLUS: Any = RequestContext(_refuse_surplus, timeout=_SURPLUS_TIMEOUT)
