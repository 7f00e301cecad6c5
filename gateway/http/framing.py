"""Finds where each request on a connection begins and ends, and feeds the parser one message at a time."""

import asyncio
import re
from functools import partial
from typing import Any, ClassVar, Final
from urllib.parse import unquote

import structlog
from httptools import HttpParserError, HttpParserInvalidMethodError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.http.buffered_transport import BufferedTransport
from gateway.http.chunks import end_of_piece
from gateway.http.head import Head, may_become_one, over, read
from gateway.http.uvicorn_inside import HttpToolsProtocol, RequestResponseCycle, as_bytes
from gateway.middleware.methods import UNKNOWN_METHOD
from gateway.middleware.request_context import prepared_headers
from gateway.problems import BodyFault, refusal
from gateway.settings import HttpLimits
from mesh.core.context import Context, request_id_from, working_on
from mesh.core.errors import Fault, Invalid, TooLarge

log = structlog.get_logger()

_LINGERS: Final = 2.0
"""Seconds between the last response and the close, for a client that is still sending."""
_EMPTY_LINES: Final = re.compile(rb"(?:\r\n)*")
_END: Final = b"\r\n\r\n"
_HEAD: Final = b"HEAD "
_FRAMING: Final = 8
"""Bytes of framing allowed for each byte of content: a little more than the smallest chunks need."""


class FramedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1, one message at a time.

    The head is read and validated here. If a body follows, the parser gets the whole head, and of the body no more than
    can belong to it. So both agree on where a message ends, every byte is counted, and a pipelined request waits for
    the response before it.
    """

    limits: ClassVar[HttpLimits]

    # `read` has these already. Without these hooks the parser does not collect a trailer, which could be endless.
    on_message_begin: Any = None
    on_url: Any = None
    on_header: Any = None

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401  # asyncio and uvicorn name different types
        """Start reading the first request."""
        self._wire = BufferedTransport(transport)
        super().connection_made(self._wire)  # type: ignore[arg-type]  # as good as a Transport
        self._buffer = b""
        self._at = self._begin = 0
        """Offsets: the buffer is read up to the first; the last head in it begins at the second."""
        self._head: Head
        self._in_body = False
        self._content = 0
        self._framing = 0
        """Bytes of content, and bytes around it: chunk sizes, chunk extensions, the trailer."""
        self._broken: Fault | None = None
        """The error in the body, if there is one."""
        self._ignoring = False
        self._ending = False
        self._lingering: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop reading."""
        self._ignoring = True
        self._buffer = b""
        if self._lingering is not None:
            self._lingering.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Buffer the bytes, and read as far as possible."""
        if self._ignoring:
            return
        self._unset_keepalive_if_required()
        self._buffer = self._buffer[self._at :] + data if self._buffer else data
        self._at = 0
        self._read_on()

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def _in_head(self) -> bool:
        return bool(self._buffer) and not self._in_body

    def _read_on(self) -> None:
        going_on = True
        while going_on and self._at < len(self._buffer):
            if self._in_body:
                going_on = self._read_body()
            elif self._answering:  # the request before it has no response yet
                self._wire.lingers = True
                self.flow.pause_reading()
                return
            else:
                going_on = self._read_head()
        if self._at == len(self._buffer):
            self._buffer, self._at = b"", 0

    def _read_head(self) -> bool:
        buffer, most = self._buffer, self.limits.gateway_max_head
        begin = self._at
        if buffer[begin] == _END[0]:  # RFC 9112, section 2.2
            begin = self._at = _EMPTY_LINES.match(buffer, begin).end()  # type: ignore[union-attr]  # it matches nothing too
        self._begin = begin
        end = buffer.find(_END, begin, begin + most)
        if end < 0:
            beginning = buffer[begin : begin + most]
            if len(buffer) - begin > most:
                self._refuse(over(most, beginning))
            elif beginning not in (b"", b"\r") and not may_become_one(beginning):
                self._refuse(Invalid("malformed_request", "the request is not valid HTTP/1.1"))
            return False
        self._at = end + len(_END)
        try:
            head = self._head = read(buffer[begin : self._at])
        except Fault as fault:
            self._refuse(fault)
            return False
        if head.length == 0:  # without a body there is nothing to bound
            self.on_headers_complete()
            self.cycle.more_body = False
            self.cycle.message_event.set()
            return True
        self._in_body = True  # until the parser says that the message has ended
        try:
            self.parser.feed_data(head.for_parser)
        except HttpParserInvalidMethodError:
            self._refuse(UNKNOWN_METHOD)
        except HttpParserError:
            self._refuse(Invalid("malformed_request", "the head is malformed"))
        else:
            return self._in_body or self._disagreed()
        return False

    def _read_body(self) -> bool:
        buffer, begin, length = self._buffer, self._at, self._head.length
        end = end_of_piece(buffer, begin) if length is None else min(len(buffer), begin + length - self._content)
        if end == begin:
            return False
        self._at = end
        content = self._content
        try:
            self.parser.feed_data(buffer[begin:end])
        except HttpParserError:
            self._break_off(_malformed_body())
            return False
        if length is not None:
            return self._in_body is not (self._content == length) or self._disagreed()
        self._framing += end - begin - (self._content - content)
        # Content past its limit is useless, and each empty line in it costs a call of the parser.
        if (
            self._content > self.limits.max_body(self.scope["path"])
            or self._framing > self.limits.gateway_max_head + _FRAMING * self._content
        ):
            self._break_off(TooLarge("body_too_large", "the request's body is too large"))
            return False
        return True

    def _disagreed(self) -> bool:
        """Stop reading if the parser's state differs from ours."""
        self._break_off(_malformed_body())
        return False

    # Callbacks of the parser.

    def on_headers_complete(self) -> None:
        """Start the response."""
        head = self._head
        path, _, query = head.url.partition(b"?")
        self.scope = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": head.version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,  # type: ignore[typeddict-item]  # http, or https
            "method": head.method.decode(),
            "root_path": "",
            "path": unquote(path.decode()) if b"%" in path else path.decode(),
            "raw_path": path,
            "query_string": query,
            "headers": head.fields,
            "state": self.app_state.copy(),
        }
        self.cycle = RequestResponseCycle(
            self.scope,
            self.transport,
            self.flow,
            self.logger,
            self.access_logger,
            self.access_log,
            self.server_state.default_headers,
            asyncio.Event(),
            head.expects_100,
            head.persistent and not (head.asks_for_upgrade or self._ending),
            self.on_response_complete,
        )
        self._content = self._framing = 0
        self._wire.lingers = head.asks_for_upgrade or head.length != 0
        app = self.app if head.length == 0 else partial(self._run_with_body, self.app)
        self._start_asgi_task(self.cycle, app)

    def on_body(self, body: bytes) -> None:
        """Count the bytes and pass them on."""
        self._content += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Record that the message is complete."""
        self._in_body = False
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.more_body = False
            cycle.message_event.set()

    # Responses.

    async def _run_with_body(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application. If the body is malformed, `receive` raises the fault."""
        cycle = self.cycle
        keep_alive = cycle.keep_alive
        if cycle.waiting_for_100_continue:
            cycle.keep_alive = False  # the application may never read the body

        async def receive_unbroken() -> Message:
            if cycle.waiting_for_100_continue:
                cycle.keep_alive = keep_alive and not self._ending and not self._ignoring
            message = await receive()
            if self._broken is not None:
                raise BodyFault(self._broken)
            return message

        await app(scope, receive_unbroken, send)

    def on_response_complete(self) -> None:
        """Go on to the next request, or close."""
        super().on_response_complete()
        if self._wire.ended:
            self._linger()
        elif self._buffer and not self._wire.is_closing():
            self._unset_keepalive_if_required()
            self._read_on()

    def _break_off(self, fault: Fault) -> None:
        """Stop reading: the position of the next message is unknown."""
        self._ignore()
        if not self._answering:
            self._end()
            return
        self._broken = fault
        self.cycle.keep_alive = False
        self.cycle.message_event.set()

    def _refuse(self, fault: Fault) -> None:
        """Respond in place of the application, then close. HEAD gets no content (RFC 9110, section 9.3.2)."""
        to_head = self._buffer.startswith(_HEAD, self._begin)
        self._ignore()
        if self._wire.is_closing() or self._wire.ended:
            return
        context = Context(request_id_from(None), self.loop.time())
        with working_on(context):
            response = refusal(fault)
            response.raw_headers.extend(prepared_headers(context.request_id))
            log.info("request_refused", status=response.status_code, reason=fault.reason)
        self._wire.write(as_bytes(response, self.server_state.default_headers, content=not to_head))
        self._end()

    def _ignore(self) -> None:
        self._ignoring = True
        self._buffer, self._at = b"", 0
        self._wire.lingers = True

    def _end(self) -> None:
        self._ignore()
        self._wire.close()
        self._linger()

    def _linger(self) -> None:
        self._ignore()
        self._unset_keepalive_if_required()
        self._lingering = self.loop.call_later(_LINGERS, self._close)

    def _close(self) -> None:
        self._wire.lingers = False
        self._wire.close()


def _malformed_body() -> Fault:
    return Invalid("malformed_request", "the request is malformed")
