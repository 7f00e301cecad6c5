"""An answer as one write: uvicorn sends head and body apart, and uvloop makes a system call of each."""

from functools import partial
from typing import Any

from mesh.transport.write_buffer import WriteBuffer


class BufferedTransport:
    """A transport that gathers what is written within one turn of the event loop."""

    def __init__(self, transport: Any) -> None:  # noqa: ANN401  # uvloop has types of its own
        self._transport = transport
        self._buffer = WriteBuffer(partial(_write, transport))  # not a method of ours: only a cycle would be left
        self.write = self._buffer.add
        self.is_closing = transport.is_closing
        self.lingers = False
        """Whether `close` ends the writing alone: closed with bytes unread, the connection would break before the
        client has read the answer (RFC 9112, section 9.6)."""
        self.ended = False
        """Whether the writing has ended."""

    def close(self) -> None:
        """Write what there is, and close."""
        if self.lingers:
            self.write_eof()
        else:
            self._buffer.flush()
            self._transport.close()

    def write_eof(self) -> None:
        """Write what there is, and say that no more will come."""
        self._buffer.flush()
        self.ended = True
        if not self._transport.is_closing():
            self._transport.write_eof()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever the transport has
        return getattr(self._transport, name)


def _write(transport: Any, data: bytes) -> None:  # noqa: ANN401
    if not transport.is_closing():
        transport.write(data)
