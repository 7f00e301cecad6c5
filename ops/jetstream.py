"""JetStream's API over a transport: reads and changes streams and consumers."""

import asyncio
import json
from collections.abc import Mapping
from typing import Annotated, Any, Final, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from mesh.core.errors import BadReply, DeadlineExceeded, NoResponder
from mesh.core.reading import Reader, Unreadable
from mesh.events.stored import StreamError
from mesh.transport.base import NO_HEADERS, Transport
from ops.streams import Config

_API: Final = "$JS.API"
_NOT_FOUND: Final = 404
_STARTING: Final = {10005, 10008, 10009}
"""The server's numbers for a cluster without a leader, or without enough nodes that are known."""
_MAX_REPLY: Final = 1024 * 1024
_ATTEMPT: Final = 2.0
_PAUSE: Final = 0.1

_Count = Annotated[int, Field(ge=0, lt=2**64)]
_Name = Annotated[str, Field(max_length=256)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class StreamState(_Model):
    """What a stream holds."""

    messages: _Count
    bytes: _Count
    first_seq: _Count
    last_seq: _Count
    first_ts: str = ""
    last_ts: str = ""
    subjects: dict[str, _Count] = {}
    """Messages by subject, where they were asked for."""


class StreamInfo(_Model):
    """A stream as the server describes it."""

    config: dict[str, Any]
    state: StreamState
    ts: str = ""
    """When the server answered."""

    @property
    def name(self) -> str:
        """The name of the stream."""
        return str(self.config.get("name", ""))


class Position(_Model):
    """How far a consumer has come in its stream."""

    stream_seq: _Count = 0


class ConsumerInfo(_Model):
    """A consumer as the server describes it."""

    name: _Name
    config: dict[str, Any]
    delivered: Position = Position()
    ack_floor: Position = Position()
    """All messages up to this sequence are acknowledged."""
    num_pending: _Count = 0
    """Messages that were not delivered yet."""
    num_ack_pending: _Count = 0
    """Messages that were delivered and not acknowledged yet."""
    num_redelivered: _Count = 0
    num_waiting: _Count = 0

    @property
    def subjects(self) -> tuple[str, ...]:
        """The subjects that it reads; empty for all subjects of the stream."""
        several, one = self.config.get("filter_subjects"), self.config.get("filter_subject")
        return tuple(map(str, several)) if isinstance(several, list) else (str(one),) if one else ()


class _Error(_Model):
    code: int = 500
    err_code: int = 0
    description: str = ""


class _Reply(_Model):
    error: _Error | None = None


class _Streams(_Reply):
    streams: tuple[StreamInfo, ...] | None = None


class _Consumers(_Reply):
    consumers: tuple[ConsumerInfo, ...] | None = None


class _Stored(_Reply):
    seq: _Count = 0


Shape = TypeVar("Shape", bound=BaseModel)


class _Answer(Generic[Shape]):
    """Reads the server's answer: an error, or the shape."""

    _error = Reader(_Reply, _MAX_REPLY)

    def __init__(self, shape: type[Shape]) -> None:
        self._read = Reader(shape, _MAX_REPLY)

    def __call__(self, subject: str, payload: bytes) -> Shape:
        """The shape. Raises StreamError, BadReply."""
        try:
            error = self._error(payload).error
            if error is None:
                return self._read(payload)
        except Unreadable as unreadable:
            raise BadReply(f"the answer to {subject} cannot be read: {unreadable}") from None
        raise StreamError(subject, error.description, error.code, error.err_code)


_ANY, _STREAM, _CONSUMER = _Answer(_Reply), _Answer(StreamInfo), _Answer(ConsumerInfo)
_STREAMS, _CONSUMERS, _STORED = _Answer(_Streams), _Answer(_Consumers), _Answer(_Stored)


class JetStream:
    """Asks the server about streams, and changes them.

    Every method raises StreamError for the server's refusal, and CallError where no answer comes. A cluster that elects
    its leader is asked again for as long as `within` seconds.
    """

    def __init__(self, transport: Transport, within: float = 10.0) -> None:
        """Use this connection."""
        self.transport = transport
        self._within = within

    async def stream(self, name: str, subjects: str = "") -> StreamInfo | None:
        """A stream; None if there is none. With `subjects`, a pattern, also its messages by subject."""
        asked = {"subjects_filter": subjects} if subjects else {}
        return await self._find(f"STREAM.INFO.{name}", asked, _STREAM)

    async def streams(self) -> list[StreamInfo]:
        """The streams of the account: the first 256."""
        return list((await self._ask("STREAM.LIST", {}, _STREAMS)).streams or ())

    async def consumers(self, stream: str) -> list[ConsumerInfo]:
        """The consumers of a stream: the first 256."""
        return list((await self._ask(f"CONSUMER.LIST.{stream}", {}, _CONSUMERS)).consumers or ())

    async def consumer(self, stream: str, name: str) -> ConsumerInfo | None:
        """A consumer; None if there is none."""
        return await self._find(f"CONSUMER.INFO.{stream}.{name}", {}, _CONSUMER)

    async def create_stream(self, config: Config) -> None:
        """Make a stream."""
        await self._ask(f"STREAM.CREATE.{config['name']}", config, _ANY)

    async def update_stream(self, config: Config) -> None:
        """Change a stream to this whole configuration."""
        await self._ask(f"STREAM.UPDATE.{config['name']}", config, _ANY)

    async def put_consumer(self, stream: str, config: Config) -> None:
        """Make a consumer, or change it to this whole configuration."""
        await self._ask(
            f"CONSUMER.CREATE.{stream}.{config['name']}", {"stream_name": stream, "config": dict(config)}, _ANY
        )

    async def delete_consumer(self, stream: str, name: str) -> None:
        """Remove a consumer with its position."""
        await self._ask(f"CONSUMER.DELETE.{stream}.{name}", {}, _ANY)

    async def reset_consumer(self, stream: str, name: str, sequence: int) -> None:
        """Make a consumer read again from this sequence on."""
        await self._ask(f"CONSUMER.RESET.{stream}.{name}", {"seq": sequence}, _ANY)

    async def delete_message(self, stream: str, sequence: int) -> None:
        """Delete a message. Raises StreamError if there is none."""
        await self._ask(f"STREAM.MSG.DELETE.{stream}", {"seq": sequence, "no_erase": True}, _ANY)

    async def publish(self, subject: str, payload: bytes, headers: Mapping[str, str]) -> int:
        """Publish a message, and wait until a stream has stored it. Returns its sequence."""
        reply = await self.transport.request(subject, payload, headers, self._within)
        return _STORED(subject, reply.payload).seq

    async def _find(self, verb: str, body: Config, answer: _Answer[Shape]) -> Shape | None:
        try:
            return await self._ask(verb, body, answer)
        except StreamError as error:
            if error.code == _NOT_FOUND:
                return None
            raise

    async def _ask(self, verb: str, body: Config, answer: _Answer[Shape]) -> Shape:
        """Send the request until the server answers with something other than "no leader yet"."""
        subject = f"{_API}.{verb}"
        payload = json.dumps(dict(body)).encode() if body else b""
        clock = asyncio.get_running_loop()
        end = clock.time() + self._within
        while True:
            left = end - clock.time()
            try:
                reply = await self.transport.request(subject, payload, NO_HEADERS, min(_ATTEMPT, max(left, _PAUSE)))
                return answer(subject, reply.payload)
            except (DeadlineExceeded, NoResponder):
                if left <= _PAUSE:
                    raise
            except StreamError as error:
                if error.number not in _STARTING or left <= _PAUSE:
                    raise
            await asyncio.sleep(_PAUSE)
