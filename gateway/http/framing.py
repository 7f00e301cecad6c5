"""Where each request on a connection begins and ends: the bytes go to the parser message by message, in their turn."""

import asyncio
import re
from functools import partial
from typing import Any, ClassVar, Final
from urllib.parse import unquote

import structlog
from httptools import HttpParserError, HttpParserInvalidMethodError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.http.buffered_transport import BufferedTransport
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
"""Seconds in which a client that still sends may notice that it has its last answer."""
_EMPTY_LINES: Final = re.compile(rb"(?:\r\n)*+")
_END: Final = b"\r\n\r\n"
_HEAD: Final = b"HEAD "
_FRAMING: Final = 8
"""Bytes of framing for each byte of content: as much as the smallest chunks have, and a little more."""


class FramedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1, one message at a time.

    A head is judged by its bytes. Where a body follows, the parser gets the whole head, and of the body no more than
    may belong to it. So both agree on where a message ends, every byte is counted, and a request that came too early
    waits until the one before it is answered.
    """

    limits: ClassVar[HttpLimits]

    # `read` knows these already. Without them the parser gathers nothing of a trailer, whose end may never come.
    on_message_begin: Any = None
    on_url: Any = None
    on_header: Any = None

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401  # asyncio and uvicorn name different types
        """Expect a first request."""
        self._wire = BufferedTransport(transport)
        super().connection_made(self._wire)  # type: ignore[arg-type]  # as good as a Transport
        self._buffer = b""
        self._at = self._begin = 0
        """Up to here the buffer is read, and there the last head in it began."""
        self._head: Head
        self._in_body = False
        self._content = 0
        self._framing = 0
        """Bytes of the body, and those around them: sizes and extensions of chunks, the trailer."""
        self._broken: Fault | None = None
        """What is wrong with the body."""
        self._ignoring = False
        self._ending = False
        self._lingering: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Read nothing more."""
        self._ignoring = True
        self._buffer = b""
        if self._lingering is not None:
            self._lingering.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on."""
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
            elif self._answering:  # its turn has not come
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
                self._refuse(Invalid("malformed_request", "this is no HTTP/1.1"))
            return False
        self._at = end + len(_END)
        try:
            head = self._head = read(buffer[begin : self._at])
        except Fault as fault:
            self._refuse(fault)
            return False
        if head.length == 0:  # there is nothing behind it in which the parser could get lost
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
            self._refuse(Invalid("malformed_request", "the head could not be understood"))
        else:
            return self._in_body or self._disagreed()
        return False

    def _read_body(self) -> bool:
        buffer, begin, length = self._buffer, self._at, self._head.length
        end = _end_of_piece(buffer, begin) if length is None else min(len(buffer), begin + length - self._content)
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
        limits = self.limits
        # Content past its limit is of no use to anybody, and each empty line in it is a piece of its own to the parser.
        if (
            self._content > limits.gateway_max_body
            or self._framing > limits.gateway_max_head + _FRAMING * self._content
        ):
            self._break_off(TooLarge("body_too_large", "the request's body is too large"))
            return False
        return True

    def _disagreed(self) -> bool:
        """Read nothing more, since the parser is not where it must be."""
        self._break_off(_malformed_body())
        return False

    # What the parser finds.

    def on_headers_complete(self) -> None:
        """Begin to answer."""
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
        """Count it, and keep it."""
        self._content += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Have a whole message."""
        self._in_body = False
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.more_body = False
            cycle.message_event.set()

    # Answering.

    async def _run_with_body(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application, which hears of it where its body is broken."""
        cycle = self.cycle
        keep_alive = cycle.keep_alive
        if cycle.waiting_for_100_continue:
            cycle.keep_alive = False  # if nobody asks for the body, nobody knows whether it will come

        async def receive_unbroken() -> Message:
            if cycle.waiting_for_100_continue:
                cycle.keep_alive = keep_alive and not self._ending and not self._ignoring
            message = await receive()
            if self._broken is not None:
                raise BodyFault(self._broken)
            return message

        await app(scope, receive_unbroken, send)

    def on_response_complete(self) -> None:
        """Go on to the next request, or end."""
        super().on_response_complete()
        if self._wire.ended:
            self._linger()
        elif self._buffer and not self._wire.is_closing():
            self._unset_keepalive_if_required()
            self._read_on()

    def _break_off(self, fault: Fault) -> None:
        """Read nothing more: in the message that is being read nobody knows what comes next."""
        self._ignore()
        if not self._answering:
            self._end()
            return
        self._broken = fault
        self.cycle.keep_alive = False
        self.cycle.message_event.set()

    def _refuse(self, fault: Fault) -> None:
        """Answer in the application's place, and end. To HEAD goes no content (RFC 9110, section 9.3.2)."""
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


def _end_of_piece(buffer: bytes, begin: int) -> int:
    """Up to where a body in chunks may go to the parser: its message ends behind an empty line, and nowhere else."""
    end = buffer.find(_END, begin)
    if end >= 0:
        return end + len(_END)
    half = next(size for size in (3, 2, 1, 0) if buffer.endswith(_END[:size]))
    return max(begin, len(buffer) - half)


def _malformed_body() -> Fault:
    return Invalid("malformed_request", "the request could not be understood")
