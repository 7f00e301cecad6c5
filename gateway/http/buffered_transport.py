"""Sends a response in one write: uvicorn writes head and body separately, and uvloop makes a system call for each."""

from functools import partial
from typing import Any

from mesh.transport.write_buffer import WriteBuffer


class BufferedTransport:
    """A transport that collects what is written within one iteration of the event loop."""

    def __init__(self, transport: Any) -> None:  # noqa: ANN401  # uvloop has types of its own
        self._transport = transport
        self._buffer = WriteBuffer(partial(_write, transport))  # a bound method would make a reference cycle
        self.write = self._buffer.add
        self.is_closing = transport.is_closing
        self.lingers = False
        """Whether `close` closes only the writing side.

        Closing with unread bytes resets the connection, and the client may lose the response (RFC 9112, section 9.6).
        """
        self.ended = False
        """Whether the writing side is closed."""

    def close(self) -> None:
        """Flush, then close."""
        if self.lingers:
            self.write_eof()
        else:
            self._buffer.flush()
            self._transport.close()

    def write_eof(self) -> None:
        """Flush, then close the writing side."""
        self._buffer.flush()
        self.ended = True
        if not self._transport.is_closing():
            self._transport.write_eof()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever the transport has
        return getattr(self._transport, name)


def _write(transport: Any, data: bytes) -> None:  # noqa: ANN401
    if not transport.is_closing():
        transport.write(data)
