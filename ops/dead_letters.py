"""Dead letters: events that a service could not handle. One is handled once more, or dropped."""

from typing import Final

from mesh.events.stored import Stored, StreamError, at
from mesh.wire.headers import UNREADABLE
from ops.jetstream import JetStream
from ops.streams import DEAD_STREAM, retry_subject

_OF_THE_LETTER: Final = ("dead-", "nats-", UNREADABLE)
"""The prefix of the headers that belong to the dead letter, not to the event."""


def service(letter: Stored) -> str:
    """The service that could not handle the event: the second word of the subject."""
    return letter.subject.partition(".")[2]


async def retry(jetstream: JetStream, letter: Stored) -> None:
    """Publish the event again for its service alone, and remove the letter once it is stored.

    Where this ends in between, a second try within two minutes stores the event no second time.

    Raises:
        StreamError: the stream is full.
        CallError: no answer; or Refused, where the service handles no events any more.

    """
    headers = {name: value for name, value in letter.headers.items() if not name.lower().startswith(_OF_THE_LETTER)}
    # Not the event's own id: the stream would drop it as a duplicate of the first publication.
    headers["Nats-Msg-Id"] = f"{service(letter)}:{headers.get('ce-id', 'unknown')}:{letter.sequence}"
    await jetstream.publish(retry_subject(service(letter)), letter.payload, headers)
    await drop(jetstream, letter.sequence)


async def drop(jetstream: JetStream, sequence: int) -> None:
    """Delete a dead letter, if it exists."""
    try:
        await jetstream.delete_message(DEAD_STREAM, sequence)
    except StreamError:
        if await at(jetstream.transport, DEAD_STREAM, sequence) is not None:
            raise
