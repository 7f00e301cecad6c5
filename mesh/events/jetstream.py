"""The part of JetStream's protocol that a worker needs: publish, pull, acknowledge.

Over the transport: nats-py's own `jetstream()` needs subscriptions that this project's connection does not make, and
rights that no worker has.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from mesh.core.errors import BadReply, NotStored
from mesh.core.reading import Reader, Unreadable
from mesh.core.terminal import escaped
from mesh.transport.base import Message, Transport

EVENTS: Final = "EVENTS"
"""The stream of all durable events, and of the retries that an operator requests."""
DEAD: Final = "DEAD"
"""The stream of dead letters."""
FEED: Final = "FEED"
"""The stream that copies the events that users see."""
FEED_PREFIX: Final = "feed."
"""The stream FEED republishes what it stores on the event's subject after this prefix."""
ACK_WAIT: Final = 30.0
"""Seconds after which the server delivers an unacknowledged event again."""
PENDING_MESSAGES: Final = "Nats-Pending-Messages"
"""Header of a status: how many messages the ended pull did not deliver."""

ACK: Final = b"+ACK"
IN_PROGRESS: Final = b"+WPI"

_ACK_SUBJECT: Final = "$JS.ACK."
_TOKENS: Final = 9
_TOKENS_WITH_DOMAIN: Final = 11
_MAX_REPLY: Final = 16 * 1024
_MOST_DIGITS: Final = 20
_PUBLISH_TIMEOUT: Final = 5.0


class _Error(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    err_code: int = 0
    description: Annotated[str, Field(max_length=1000)] = ""


class _PublishReply(BaseModel):
    """The stream's reply to a publication."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    stream: str = ""
    seq: int = 0
    error: _Error | None = None


_read_reply = Reader(_PublishReply, _MAX_REPLY)


async def publish(
    transport: Transport, subject: str, body: bytes, headers: Mapping[str, str], timeout: float = _PUBLISH_TIMEOUT
) -> int:
    """Store a message, wait for the stream's acknowledgement and return its sequence number.

    Raises NotStored if the stream refuses, NoResponder if no stream has the subject, and as Transport.request does.
    After a timeout or a lost connection the message may be stored: sent again with the same `Nats-Msg-Id` within two
    minutes, it is stored once.
    """
    answer = await transport.request(subject, body, headers, timeout)
    try:
        reply = _read_reply(answer.payload)
    except Unreadable as error:
        raise BadReply(f"the acknowledgement of {subject} cannot be read: {error}") from None
    if reply.error is not None:
        raise NotStored(f"{subject} was not stored: {escaped(reply.error.description)} ({reply.error.err_code})")
    if not reply.seq:
        raise BadReply(f"the acknowledgement of {subject} has no sequence number")
    return reply.seq


class Delivery(NamedTuple):
    """The delivery of a message, as the subject of its acknowledgement describes it."""

    stream: str
    consumer: str
    attempt: int
    """1 for the first delivery."""
    sequence: int
    """The message's sequence number in the stream."""
    pending: int
    """Messages that the consumer has yet to deliver."""


def delivery(message: Message) -> Delivery | None:
    """What the server says of the message; None if it is no delivery of a consumer.

    The subject is `$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<attempt>.<sequence>.<…>.<time>.<pending>`.
    """
    tokens = message.reply.split(".")
    if not message.reply.startswith(_ACK_SUBJECT):
        return None
    if len(tokens) >= _TOKENS_WITH_DOMAIN:
        tokens = tokens[2:]
    elif len(tokens) != _TOKENS:
        return None
    stream, consumer, *numbers = tokens[2:_TOKENS]
    if not all(text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS for text in numbers):
        return None
    attempt, sequence, _, _, pending = map(int, numbers)
    return Delivery(stream, consumer, attempt, sequence, pending)


def pull_subject(stream: str, consumer: str) -> str:
    """The subject of pull requests to a consumer."""
    return f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"


def pull_request(batch: int, expires: float, heartbeat: float) -> bytes:
    """The request for up to `batch` messages within `expires` seconds, with a heartbeat every `heartbeat` seconds."""
    return b'{"batch":%d,"expires":%d,"idle_heartbeat":%d}' % (batch, round(expires * 1e9), round(heartbeat * 1e9))


def nak(delay: float) -> bytes:
    """The acknowledgement that asks for another delivery, after `delay` seconds."""
    return b"-NAK " + json.dumps({"delay": round(delay * 1e9)}).encode() if delay else b"-NAK"
