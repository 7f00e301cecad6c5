"""Asks NATS about the streams of durable events and who reads them."""

from dataclasses import asdict, dataclass
from typing import Any

from mesh.core.errors import MeshError
from mesh.core.terminal import escaped
from ops.jetstream import JetStream, StreamInfo
from ops.streams import EVENT_STREAM


@dataclass(frozen=True)
class Consumer:
    """How far a service has come with the events that it handles."""

    name: str
    pending: int
    """Events that it has not received yet."""
    unacknowledged: int
    redelivered: int


@dataclass(frozen=True)
class StreamState:
    """What a stream holds."""

    name: str
    messages: int
    bytes: int
    last_sequence: int
    consumers: tuple[Consumer, ...] = ()

    def document(self) -> dict[str, Any]:
        """The stream as JSON."""
        return asdict(self)


class Streams:
    """The streams, as NATS last described them."""

    def __init__(self, jetstream: JetStream) -> None:
        self._jetstream = jetstream
        self.states: tuple[StreamState, ...] = ()
        self.failure = "not asked yet"

    async def poll(self) -> None:
        """Ask once."""
        try:
            self.states = tuple([await self._state(one) for one in await self._jetstream.streams()])
            self.failure = ""
        except MeshError as error:
            self.failure = escaped(str(error)[:200])

    async def _state(self, stream: StreamInfo) -> StreamState:
        consumers = await self._jetstream.consumers(stream.name) if stream.name == EVENT_STREAM else []
        return StreamState(
            escaped(stream.name),
            stream.state.messages,
            stream.state.bytes,
            stream.state.last_seq,
            tuple(
                Consumer(escaped(one.name), one.num_pending, one.num_ack_pending, one.num_redelivered)
                for one in consumers
            ),
        )
