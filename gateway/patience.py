"""How long the gateway waits for the head of a request, and how large one may be: uvicorn has no limit for either."""

import asyncio
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1, where a connection ends whose request line and headers do not come to an end."""

    seconds: ClassVar[float] = 10.0
    most_bytes: ClassVar[int] = 64 * 1024

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401  # asyncio and uvicorn name different types
        """Expect a first request."""
        super().connection_made(transport)
        self._in_head = True
        self._received = 0
        self._expiry: asyncio.TimerHandle | None = self.loop.call_later(self.seconds, self._refuse)

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._settle()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Expect the rest of a head."""
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        """Have a whole head."""
        self._in_head = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Read on, and see whether the head goes on."""
        super().data_received(data)
        if not self._in_head:
            self._settle()
            return
        self._received += len(data)
        if self._received > self.most_bytes:
            self._refuse()
        elif self._expiry is None:
            self._expiry = self.loop.call_later(self.seconds, self._refuse)

    def _settle(self) -> None:
        self._received = 0
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None

    def _refuse(self) -> None:
        self._settle()
        if not self.transport.is_closing():
            self.send_400_response("The head of the request is too large or too slow.")
