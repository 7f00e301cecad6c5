"""Reads stored messages from a stream, in order and without a consumer (JetStream's direct get)."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from mesh.core.errors import BadReply, DeadlineExceeded, MeshError
from mesh.core.terminal import escaped
from mesh.transport.base import Message, Transport
from mesh.wire.headers import STATUS

BATCH: Final = 256
_TIMEOUT: Final = 5.0
_NONE_LEFT: Final = {"204", "404"}
SEQUENCE: Final = "Nats-Sequence"
"""Header: a message's sequence number in its stream. The server adds it to messages that it reads or republishes."""
TIME: Final = "Nats-Time-Stamp"
"""Header: when the message was stored. The server adds it too."""
_LONGEST_WORD: Final = 300
_SERVERS_OWN: Final = (
    *("Nats-Stream", "Nats-Subject", SEQUENCE, TIME, "Nats-Num-Pending", "Nats-Last-Sequence"),
    *("Nats-UpTo-Sequence", STATUS, "Description"),
)
"""The headers that the server adds to a message when it is read."""


class StreamError(MeshError):
    """JetStream refused a request. The message and both numbers are the server's."""

    def __init__(self, subject: str, description: str, code: int, number: int) -> None:
        super().__init__(f"{subject}: {escaped(description[:_LONGEST_WORD])}")
        self.code = code
        """As HTTP's: 404 for what is not there."""
        self.number = number
        """More exact than the code."""


class Stored(NamedTuple):
    """A message as it is stored."""

    sequence: int
    subject: str
    time: datetime
    """When the server stored it, in UTC."""
    headers: Mapping[str, str]
    payload: bytes


async def read(
    transport: Transport, stream: str, start: int | datetime, subject: str = ">", most: int = BATCH
) -> list[Stored]:
    """The oldest messages from `start` on, a sequence or a time, whose subject matches; at most `most`, at most 256.

    Raises:
        StreamError: the server refuses it; also if there is no such stream.
        CallError: the server does not answer within 5 s.

    """
    asked: dict[str, Any] = {"batch": min(most, BATCH), "next_by_subj": subject}
    if isinstance(start, datetime):
        asked["start_time"] = start.astimezone(UTC).isoformat().replace("+00:00", "Z")
    else:
        asked["seq"] = max(start, 1)
    found = []
    async with _answers(transport, stream, asked) as following:
        while (message := await following()) is not None:
            found.append(message)
    return found


async def at(transport: Transport, stream: str, sequence: int) -> Stored | None:
    """The message with a sequence number; None if it is no longer stored, or not yet. Raises as `read` does."""
    found = await read(transport, stream, sequence, most=1)
    return found[0] if found and found[0].sequence == sequence else None


async def newest(transport: Transport, stream: str) -> Stored | None:
    """The newest message; None if the stream is empty. Raises as `read` does."""
    async with _answers(transport, stream, {"last_by_subj": ">"}) as following:
        return await following()


async def read_all(
    transport: Transport, stream: str, start: int | datetime = 1, subject: str = ">"
) -> AsyncIterator[Stored]:
    """Every message from `start` on whose subject matches, read in batches. Raises as `read` does."""
    while messages := await read(transport, stream, start, subject):
        for message in messages:
            yield message
        start = messages[-1].sequence + 1


@asynccontextmanager
async def _answers(
    transport: Transport, stream: str, asked: Mapping[str, Any]
) -> AsyncIterator[Callable[[], Awaitable[Stored | None]]]:
    """Ask for messages: what is returned waits for the next one, and is None where none is left.

    To an inbox of its own: a request would fail at a message whose headers cannot be read.
    """
    name = f"$JS.API.DIRECT.GET.{stream}"
    arrived = asyncio.Queue[Message]()
    inbox = transport.inbox()
    subscription = await transport.subscribe(inbox, arrived.put_nowait)
    try:
        await transport.publish(name, json.dumps(asked).encode(), reply=inbox)
        yield lambda: _next(name, arrived)
    finally:
        await subscription.drain()


async def _next(name: str, arrived: asyncio.Queue[Message]) -> Stored | None:
    try:
        message = await asyncio.wait_for(arrived.get(), _TIMEOUT)
    except TimeoutError:
        raise DeadlineExceeded.here(name) from None
    headers = message.headers
    # First of all: a stored message may have a header named Status, by whoever published it.
    if SEQUENCE in headers:
        return _stored(name, message)
    if headers.get(STATUS) in _NONE_LEFT:
        return None
    raise _refusal(name, headers)


def _refusal(name: str, headers: Mapping[str, str]) -> StreamError:
    status = headers.get(STATUS, "")
    return StreamError(name, headers.get("Description", f"status {status}"), _number(status), 0)


def _number(status: str) -> int:
    return int(status) if status.isdecimal() else 0


def _stored(name: str, message: Message) -> Stored:
    headers = message.headers
    own = {key: value for key, value in headers.items() if key not in _SERVERS_OWN}
    with suppress(KeyError, ValueError):
        time = datetime.fromisoformat(headers[TIME])
        return Stored(int(headers[SEQUENCE]), headers["Nats-Subject"], time, own, message.payload)
    raise BadReply(f"the answer to {name} is no stored message")
