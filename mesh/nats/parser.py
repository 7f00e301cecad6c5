"""Parses the NATS client protocol: splits the bytes from a server into messages and other lines."""

from collections.abc import Callable
from typing import Final

OnMessage = Callable[[bytes, bytes, bytes, bytes, bytes], None]
"""Receives subscription id, subject, reply subject, headers and payload; a missing part is empty."""
OnLine = Callable[[bytes], None]
"""Receives any other line, without its end: PING, PONG, +OK, -ERR …, INFO …"""

LONGEST_LINE: Final = 64 * 1024
LARGEST_MESSAGE: Final = 64 * 1024 * 1024
"""Bytes; no server can be configured to send a larger message."""
_WITHOUT_REPLY: Final = 4


class Parser:
    """Parses the byte stream of one connection, in chunks of any size (docs.nats.io, "Client Protocol")."""

    def __init__(self, on_message: OnMessage, on_line: OnLine) -> None:
        self._on_message = on_message
        self._on_line = on_line
        self._kept: list[bytes] = []
        self._size = 0
        self._needed = 0
        """The size at which the kept bytes may form a whole message."""

    def feed(self, data: bytes) -> None:
        """Pass on each complete message and line, in order. Raises ValueError for bytes that no server sends."""
        if self._kept:
            self._kept.append(data)
            self._size += len(data)
            if self._size < self._needed:
                return
            data = b"".join(self._kept)
        consumed = self._consume(data)
        self._kept = [data[consumed:]] if consumed < len(data) else []
        self._size = len(data) - consumed

    def _consume(self, data: bytes) -> int:
        """Pass on what is complete; return its length."""
        at = self._needed = 0
        while (end := data.find(b"\r\n", at)) >= 0:
            fields = data[at:end].split(b" ")
            start = payload = end + 2
            if fields[0] == b"HMSG":
                head, _ = fields[-2:]
                payload += int(head)
                del fields[-2]
            elif fields[0] != b"MSG":
                self._on_line(data[at:end])
                at = start
                continue
            if len(fields) == _WITHOUT_REPLY:
                fields.insert(-1, b"")
            _, subject, sid, reply, size = fields
            stop = start + int(size)
            if not start <= payload <= stop <= start + LARGEST_MESSAGE:
                raise ValueError("a message of impossible sizes")
            if len(data) < stop + 2:
                self._needed = stop + 2 - at
                return at
            self._on_message(sid, subject, reply, data[start:payload], data[payload:stop])
            at = stop + 2
        if len(data) - at > LONGEST_LINE:
            raise ValueError("a line without an end")
        return at
