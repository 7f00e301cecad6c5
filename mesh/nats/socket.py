"""A socket to one NATS server for nats-py's client: reads without a task, writes once per event-loop turn."""

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
"""Receives bytes without waiting; must not raise."""


class NatsSocket(Transport, asyncio.Protocol):
    """One socket of the NATS client.

    The client reads lines until it calls `deliver_to`. All writes of one event-loop turn leave in one system call.
    Nothing is kept for another connection. Writing raises OSError once the socket is lost, for whatever reason.
    """

    def __init__(self) -> None:
        self.full = False
        """Whether writers should `drain` first, because the server reads too slowly."""
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
        """Whether bytes written now may arrive."""
        return self._socket is not None

    @property
    def transport(self) -> asyncio.Transport | None:
        """The transport of asyncio; None if the socket is lost."""
        return self._socket

    @property
    def encrypted(self) -> bool:
        """Whether TLS is up."""
        return self._socket is not None and self._socket.get_extra_info("ssl_object") is not None

    async def connect(self, uri: ParseResult, buffer_size: int, connect_timeout: float) -> None:  # noqa: ARG002
        """Connect within `connect_timeout` seconds. Raises OSError, TimeoutError."""
        connecting = get_running_loop().create_connection(lambda: self, uri.hostname or "", uri.port or 4222)
        await asyncio.wait_for(connecting, connect_timeout)

    async def connect_tls(
        self,
        uri: str | ParseResult,
        ssl_context: ssl.SSLContext,
        buffer_size: int,  # noqa: ARG002  # bytes are delivered as they arrive
        connect_timeout: float,
    ) -> None:
        """Start TLS; the certificate must name the host of `uri`. Raises OSError, TimeoutError."""
        name = uri if isinstance(uri, str) else uri.hostname
        plain = self._open()
        try:
            encrypting = get_running_loop().start_tls(plain, self, ssl_context, server_hostname=name)
            encrypted = await asyncio.wait_for(encrypting, connect_timeout)
        except BaseException:
            self.abort()  # nothing else would notice the loss
            raise
        if encrypted is None:
            raise ConnectionResetError(_LOST)
        self.connection_made(encrypted)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Handle asyncio's event: the socket is open."""
        self._socket = cast("asyncio.Transport", transport)
        self._socket.set_write_buffer_limits(_MOST_UNWRITTEN)
        self._lost.clear()
        self.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the reason does not matter
        """Handle asyncio's event: the socket is lost."""
        if self._socket is None:
            return
        self._socket = None
        self._lost.set()
        self._came.set()
        self.resume_writing()
        if self._on_lost is not None:
            self._on_lost()

    def deliver_to(self, receive: Receive, lost: Callable[[], None]) -> None:
        """Pass all further bytes to `receive`, and call `lost` once when the socket is lost."""
        self._receive, self._on_lost = receive, lost
        unread, self._unread = self._unread, b""
        if unread:
            receive(unread)
        if self._socket is None:
            lost()

    def stop_delivery(self) -> None:
        """Discard all further bytes."""
        self._receive, self._on_lost = _discard, None

    def data_received(self, data: bytes) -> None:
        """Handle asyncio's event: bytes have arrived."""
        self._receive(data)

    def _keep(self, data: bytes) -> None:
        self._unread += data
        self._came.set()

    async def readline(self) -> bytes:
        """The next line with its end, or the rest once the socket is lost."""
        while b"\n" not in self._unread and self._socket is not None:
            self._came.clear()
            await self._came.wait()
        line, end, self._unread = self._unread.partition(b"\n")
        return line + end

    async def read(self, buffer_size: int) -> bytes:
        """Unused: see deliver_to."""
        raise NotImplementedError  # only the library's own read loop calls it, and NatsConnection replaces that

    def at_eof(self) -> bool:
        """Whether nothing more can arrive."""
        return self._socket is None and not self._unread

    def write(self, payload: bytes) -> None:
        """Send by the end of this event-loop turn. Raises OSError."""
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
        """Handle asyncio's event: too many bytes wait."""
        self.full = True
        self._writable.clear()

    def resume_writing(self) -> None:
        """Handle asyncio's event: few enough bytes wait."""
        self.full = False
        self._writable.set()

    async def drain(self) -> None:
        """Wait until few enough bytes wait to be written. Raises OSError."""
        self._buffer.flush()
        await self._writable.wait()
        self._open()

    def close(self) -> None:
        """Send what was written, then close."""
        self._buffer.flush()
        if self._socket is not None:
            self._socket.close()

    def abort(self) -> None:
        """Close at once and send nothing more."""
        if self._socket is not None:
            _cut(self._socket)
            self._socket.abort()
            self.connection_lost(None)

    async def wait_closed(self) -> None:
        """Wait until the socket is closed."""
        await self._lost.wait()

    def _open(self) -> asyncio.Transport:
        if self._socket is None:
            raise ConnectionResetError(_LOST)
        return self._socket

    def __bool__(self) -> bool:
        """Truthy even when disconnected: nats-py replaces a falsy transport."""
        return True


_LOST: Final = "the connection to NATS is lost"


def _cut(transport: asyncio.Transport) -> None:
    """Stop sending now: uvloop closes one event-loop turn later, and would send the waiting bytes until then."""
    plain = transport.get_extra_info("socket")
    if plain is None:  # already closed
        return
    with suppress(OSError), socket.socket(fileno=os.dup(plain.fileno())) as same:
        same.shutdown(socket.SHUT_RDWR)


def _discard(_data: bytes) -> None:
    """Ignore bytes that arrive after the end."""
