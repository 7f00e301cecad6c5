"""An answer as one write: uvicorn sends head and body apart, and uvloop makes a system call of each."""

import asyncio
from typing import Any

_MOST_GATHERED = 64 * 1024


class OneWrite:
    """A transport that gathers what is written within one turn of the event loop, up to 64 KiB."""

    def __init__(self, transport: Any, loop: asyncio.AbstractEventLoop) -> None:  # noqa: ANN401  # uvloop has types of its own
        self._transport = transport
        self._call_soon = loop.call_soon
        self._gathered: list[bytes] = []
        self._size = 0
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        """Write soon."""
        if not self._gathered:
            self._call_soon(self._flush)
        self._gathered.append(data)
        self._size += len(data)
        if self._size > _MOST_GATHERED:
            self._flush()

    def close(self) -> None:
        """Write what there is, and close."""
        self._flush()
        self._transport.close()

    def write_eof(self) -> None:
        """Write what there is, and say that no more will come."""
        self._flush()
        self._transport.write_eof()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever the transport has
        return getattr(self._transport, name)

    def _flush(self) -> None:
        if self._gathered and not self.is_closing():
            self._transport.write(b"".join(self._gathered))
        self._gathered.clear()
        self._size = 0
