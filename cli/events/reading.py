"""Shared by the commands of `mesh events`: the connection, the stream, and errors in one line."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from cli.connection import NOBODY_SERVES, Person, connected
from cli.failure import fail
from mesh.core.errors import MeshError
from mesh.events.stored import BATCH, Stored, read
from ops.jetstream import JetStream, StreamInfo


@asynccontextmanager
async def jetstream(home: Path, person: Person = "operator") -> AsyncIterator[JetStream]:
    """Connect as this user. An error of the mesh ends the program with its message."""
    async with connected(home, person) as transport:
        try:
            yield JetStream(transport)
        except MeshError as error:
            fail(str(error))


async def existing(streams: JetStream, name: str, subjects: str = "") -> StreamInfo:
    """The stream. Ends the program if there is none."""
    found = await streams.stream(name, subjects)
    if found is None:
        fail(f"there is no stream {name}: `mesh nats streams --apply` creates the declared ones", NOBODY_SERVES)
    return found


async def newest_with_id(streams: JetStream, info: StreamInfo, event_id: str) -> Stored | None:
    """The newest message with this `ce-id`. Reads the stream from its end, 256 messages at a time."""
    end = info.state.last_seq
    while end >= info.state.first_seq and end > 0:
        start = max(end - BATCH + 1, 1)
        for message in reversed(await read(streams.transport, info.name, start)):
            if message.sequence <= end and message.headers.get("ce-id") == event_id:
                return message
        end = start - 1
    return None
