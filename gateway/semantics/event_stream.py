"""Server-sent events (WHATWG HTML, section 9.2): the text of an event, and the response that sends them."""

import re
from typing import Final

from gateway.semantics.streamed import Streamed

TO_HEAD: Final = "gateway.to_head"
"""Marks the scope of a request by HEAD that is answered as GET is: an event stream then ends at once."""
_LINE_END: Final = re.compile(rb"\r\n|\r|\n")


def event_text(position: int, name: str, data: bytes) -> bytes:
    """An event. Each line of its data has a field of its own."""
    lines = b"".join(b"data: %b\n" % line for line in _LINE_END.split(data))
    return b"id: %d\nevent: %b\n%b\n" % (position, name.encode(), lines)


def position_text(position: int) -> bytes:
    """Tells the client where to resume, without an event: the id counts, and nothing is dispatched."""
    return b"id: %d\n\n" % position


class EventStream(Streamed):
    """The response that sends events."""

    media_type = "text/event-stream"
    to_head = TO_HEAD
