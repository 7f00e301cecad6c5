"""One connection to one NATS server, as nats-py's client wants it: read without a task, written once a turn."""

import asyncio
import os
import socket
import ssl
from asyncio import get_running_loop
from collections.abc import Callable
from contextlib import suppress
from typing import Final, cast
from urllib.parse import ParseResult

from nats.aio.transport import Transport

from mesh.transport.write_buffer import WriteBuffer

_MOST_UNWRITTEN: Final = 4 * 1024 * 1024

Receive = Callable[[bytes], None]
"""Takes in at once what came; must not raise."""


class Link(Transport, asyncio.Protocol):
    """A socket.

    What comes is read line by line, until `hand_on`. What is written in one turn of the event loop leaves in one system
    call, and nothing is kept for another connection. Writing raises OSError once the socket is lost, in whatever way.
    """

    def __init__(self) -> None:
        self.full = False
        """Whether so much waits for the server to read it that writers shall `drain` first."""
        self._socket: asyncio.Transport | None = None
        self._lost = asyncio.Event()
        self._lost.set()
        self._on_lost: Callable[[], None] | None = None
        self._receive: Receive = self._keep
        self._unread = b""
        self._came = asyncio.Event()
        self._buffer = WriteBuffer(self._send)
        self._writable = asyncio.Event()

    @property
    def alive(self) -> bool:
        """Whether what is written now may arrive."""
        return self._socket is not None

    @property
    def encrypted(self) -> bool:
        """Whether TLS is up."""
        return self._socket is not None and self._socket.get_extra_info("ssl_object") is not None

    async def connect(self, uri: ParseResult, buffer_size: int, connect_timeout: float) -> None:  # noqa: ARG002
        """Connect, within so many seconds. Raises OSError, TimeoutError."""
        connecting = get_running_loop().create_connection(lambda: self, uri.hostname or "", uri.port or 4222)
        await asyncio.wait_for(connecting, connect_timeout)

    async def connect_tls(
        self,
        uri: str | ParseResult,
        ssl_context: ssl.SSLContext,
        buffer_size: int,  # noqa: ARG002  # what comes is handed on as it comes
        connect_timeout: float,
    ) -> None:
        """Encrypt what is connected; the server must be `uri` by its certificate. Raises OSError, TimeoutError."""
        name = uri if isinstance(uri, str) else uri.hostname
        plain = self._open()
        try:
            encrypting = get_running_loop().start_tls(plain, self, ssl_context, server_hostname=name)
            encrypted = await asyncio.wait_for(encrypting, connect_timeout)
        except BaseException:
            self.abort()  # nobody would tell that it is lost
            raise
        if encrypted is None:
            raise ConnectionResetError(_LOST)
        self.connection_made(encrypted)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin: the protocol's part."""
        self._socket = cast("asyncio.Transport", transport)
        self._socket.set_write_buffer_limits(_MOST_UNWRITTEN)
        self._lost.clear()
        self.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # lost is lost
        """End: the protocol's part."""
        if self._socket is None:
            return
        self._socket = None
        self._lost.set()
        self._came.set()
        self.resume_writing()
        if self._on_lost is not None:
            self._on_lost()

    def hand_on(self, receive: Receive, lost: Callable[[], None]) -> None:
        """Have all that comes from here on handed to `receive`, and `lost` called when nothing will."""
        self._receive, self._on_lost = receive, lost
        unread, self._unread = self._unread, b""
        if unread:
            receive(unread)
        if self._socket is None:
            lost()

    def ignore(self) -> None:
        """Hand on nothing more."""
        self._receive, self._on_lost = _ignore, None

    def data_received(self, data: bytes) -> None:
        """Take in what came: the protocol's part."""
        self._receive(data)

    def _keep(self, data: bytes) -> None:
        self._unread += data
        self._came.set()

    async def readline(self) -> bytes:
        """The next line with its end, or what there is when the socket is lost."""
        while b"\n" not in self._unread and self._socket is not None:
            self._came.clear()
            await self._came.wait()
        line, end, self._unread = self._unread.partition(b"\n")
        return line + end

    async def read(self, buffer_size: int) -> bytes:
        """Nobody reads: see hand_on."""
        raise NotImplementedError  # the library's own reading would, and Connection has another

    def at_eof(self) -> bool:
        """Whether nothing more can come."""
        return self._socket is None and not self._unread

    def write(self, payload: bytes) -> None:
        """Send, at the end of this turn of the loop at the latest. Raises OSError."""
        if self._socket is None:
            raise ConnectionResetError(_LOST)
        self._buffer.add(payload)

    def writelines(self, payload: list[bytes]) -> None:
        """Send all of it. Raises OSError."""
        self.write(b"".join(payload))

    def _send(self, data: bytes) -> None:
        if self._socket is not None:
            self._socket.write(data)

    def pause_writing(self) -> None:
        """Have writers wait: the protocol's part."""
        self.full = True
        self._writable.clear()

    def resume_writing(self) -> None:
        """Have writers go on: the protocol's part."""
        self.full = False
        self._writable.set()

    async def drain(self) -> None:
        """Wait while too much waits to be written. Raises OSError."""
        self._buffer.flush()
        await self._writable.wait()
        self._open()

    def close(self) -> None:
        """Send what was written, and end."""
        self._buffer.flush()
        if self._socket is not None:
            self._socket.close()

    def abort(self) -> None:
        """End at once, and send nothing more."""
        if self._socket is not None:
            _cut(self._socket)
            self._socket.abort()
            self.connection_lost(None)

    async def wait_closed(self) -> None:
        """Wait for the end."""
        await self._lost.wait()

    def _open(self) -> asyncio.Transport:
        if self._socket is None:
            raise ConnectionResetError(_LOST)
        return self._socket

    def __bool__(self) -> bool:
        """A link is one, connected or not."""
        return True


_LOST: Final = "the connection to NATS is lost"


def _cut(transport: asyncio.Transport) -> None:
    """Let nothing more leave: uvloop closes a turn of the loop later, and would still send what waits until then."""
    plain = transport.get_extra_info("socket")
    if plain is None:  # it is closed
        return
    with suppress(OSError), socket.socket(fileno=os.dup(plain.fileno())) as same:
        same.shutdown(socket.SHUT_RDWR)


def _ignore(_data: bytes) -> None:
    """Take in nothing."""
