"""How long the gateway waits for a client, and for how many at once: uvicorn's own limits leave too much open."""

import asyncio
import re
import sys
from typing import Any, ClassVar

import structlog
from httptools import HttpParserInvalidMethodError
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from gateway.errors import refusal
from gateway.head_limit import over
from gateway.methods import UNKNOWN_METHOD
from gateway.one_write import OneWrite
from gateway.request_context import DISCONNECTED, RequestContext, prepared_headers
from gateway.settings import HttpLimits
from mesh.context import Context, request_id_from, working_on
from mesh.errors import Fault, Invalid, TimedOut, Unavailable

log = structlog.get_logger()

_SURPLUS_PATIENCE = 1.0
_LINGERS = 2.0
"""Seconds in which a client that still sends may notice that it was refused."""
_LAST_REQUEST = 0.5
"""Seconds in which a request that is under way as the gateway ends may still arrive."""
_ANNOUNCES_BODY = (b"content-length", b"transfer-encoding")
"""RFC 9112, section 6: without either there is none."""

_REQUEST_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+ [^ \r\n]+ HTTP/1\.[01]\r?\n")


def patient(limits: HttpLimits) -> type[asyncio.Protocol]:
    """The protocol with these limits, as uvicorn wants it: a class."""
    return type("Patient", (PatientProtocol,), {"limits": limits})


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1, where a connection ends whose client is too slow, and a request whose client is gone."""

    limits: ClassVar[HttpLimits]

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401  # asyncio and uvicorn name different types
        """Expect a first request."""
        super().connection_made(OneWrite(transport))  # type: ignore[arg-type]  # as good as a Transport
        self._in_head = False
        self._ignoring = False
        self._ending = False
        self._received = 0
        self._head = b""
        self._latest = b""
        self._unread: asyncio.TimerHandle | None = None
        self._working: tuple[RequestResponseCycle, asyncio.Task[None]] | None = None
        patience = self.limits.gateway_head_timeout
        if len(self.connections) > self.limits.gateway_max_connections:
            self.app = _SURPLUS  # a refusal before the request has come would break the connection under it
            patience = min(patience, _SURPLUS_PATIENCE)
        self._expiry: asyncio.TimerHandle | None = self.loop.call_later(patience, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more, and work for nobody."""
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

    # Reading: from an answer, or from the beginning, to the end of the next head.

    def on_message_begin(self) -> None:
        """Expect the rest of a head."""
        super().on_message_begin()
        self._in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; what comes after the body is none, and has no end of its own."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Have a whole head. Raises ValueError, and so ends the parsing, where it is refused."""
        self._in_head = False
        upgrade = self.parser.should_upgrade()
        if upgrade and any(name in _ANNOUNCES_BODY for name, _ in self.headers):
            # The parser takes the message for ended here, and what comes for the next; a proxy in front does not.
            self._refuse(Invalid("malformed_request", "a request with Upgrade must have no body: send it as HTTP/1.1"))
            raise ValueError
        super().on_headers_complete()
        if self._ending or upgrade:
            self.cycle.keep_alive = False
        if upgrade:
            self._ignoring = True
            self._settle()

    def data_received(self, data: bytes) -> None:
        """Read on, and see whether it comes to something."""
        if self._ignoring:
            return
        was_in_head = self._in_head
        self._latest = data
        super().data_received(data)
        self._latest = b""
        if self._ignoring or self.transport.is_closing():
            return
        if not self._in_head and self.cycle is not None and not self.cycle.response_complete:
            self._settle()
            return
        most = self.limits.gateway_max_head
        if self._in_head:
            self._received += len(data) if was_in_head else 0
            self._head += data[: most - len(self._head)]
        if self._received > most:
            self._refuse(over(most, self._head))
        elif self._expiry is None:
            self._expiry = self.loop.call_later(self.limits.gateway_head_timeout, self._give_up)

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser does not understand."""
        if not self._ignoring:  # on_headers_complete has refused it, in better words
            unknown = isinstance(sys.exception(), HttpParserInvalidMethodError) and _REQUEST_LINE.match(self._latest)
            self._refuse(UNKNOWN_METHOD if unknown else Invalid("malformed_request", msg))

    def _settle(self) -> None:
        self._received = 0
        self._head = b""
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None

    def _give_up(self) -> None:
        if self._in_head:
            self._refuse(TimedOut("request_timeout", "the head of the request did not arrive in time"))
        else:
            self._close()

    def _refuse(self, fault: Fault) -> None:
        self._settle()
        if self.transport.is_closing():
            return
        context = Context(request_id_from(None), self.loop.time())
        with working_on(context):
            response = refusal(fault)
            response.raw_headers.extend(prepared_headers(context.request_id))
            log.info("request_refused", status=response.status_code, reason=fault.reason)
        self.transport.write(_as_bytes(response, self.server_state.default_headers))
        # Closed with bytes unread, the connection would break before the client has read our answer (RFC 9112, 9.6).
        self._ignoring = True
        self.transport.write_eof()
        self._expiry = self.loop.call_later(_LINGERS, self._close)

    def shutdown(self) -> None:
        """Answer the request that has come, or that comes now, and end: uvicorn would close on one not yet read."""
        self._ending = True
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False
        elif not self._in_head and not self._ignoring:
            self._settle()
            self._expiry = self.loop.call_later(_LAST_REQUEST, self._give_up)

    # Writing: until the client has read it all.

    def pause_writing(self) -> None:
        """Expect the client to read."""
        super().pause_writing()
        self._expect_reading()

    def resume_writing(self) -> None:
        """See that it has read."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def on_response_complete(self) -> None:
        """Go on to the next request, or end."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._expect_reading()

    def timeout_keep_alive_handler(self) -> None:
        """End a connection without a further request."""
        self._close()

    def _close(self) -> None:
        self.transport.close()
        self._expect_reading()  # the transport itself would wait for ever

    def _expect_reading(self) -> None:
        if self._unread is None:
            self._unread = self.loop.call_later(self.limits.gateway_write_timeout, self.transport.abort)


def _as_bytes(response: Response, headers: list[tuple[bytes, bytes]]) -> bytes:
    lines = (b"%s: %s\r\n" % header for header in (*headers, *response.raw_headers))
    return b"".join((STATUS_LINE[response.status_code], *lines, b"\r\n", bytes(response.body)))


async def _refuse_surplus(scope: Scope, receive: Receive, send: Send) -> None:
    too_many = Unavailable("too_many_connections", "the gateway has as many connections as it can take")
    await refusal(too_many)(scope, receive, send)


_SURPLUS: Any = RequestContext(_refuse_surplus, timeout=_SURPLUS_PATIENCE)
