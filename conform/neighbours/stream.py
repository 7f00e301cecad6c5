"""The stream of a private bus: it delivers events to the service, whose answers and dead letters are heard."""

import asyncio
import json
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final
from uuid import uuid4

from conform.bus import Bus, NoAnswer, NobodyServes
from conform.check import Skip
from conform.shapes import compact
from mesh.transport.base import Message
from mesh.wire import names
from ops.contracts.tree import EventContract

ACK: Final = b"+ACK"
NAME: Final = "EVENTS"
FOREIGN: Final = "conform"
"""A consumer whose deliveries no service is to handle."""
_IN_USE: Final = 10058
"""The server's number for a stream of this name with another configuration."""
_SECOND: Final = 10**9
_SEQUENCE: Final = 5
"""The place of the sequence number in `$JS.ACK.<stream>.<consumer>.<attempt>.<sequence>…`."""
_EVERY: Final = 0.02


class Stream:
    """The stream EVENTS and the consumer of one service, made by the kit. It stands in for the stream DEAD.

    It has what the service handles, not what it publishes: other checks acknowledge that themselves.
    """

    def __init__(self, bus: Bus, service: str, handled: Iterable[EventContract]) -> None:
        self.answers: defaultdict[int, list[bytes]] = defaultdict(list)
        """By sequence number, what the service answered to its deliveries."""
        self.letters: defaultdict[int, list[Message]] = defaultdict(list)
        """The dead letters of each sequence number."""
        self.inboxes: list[str] = []
        """Where the service pulls to, the newest last."""
        self._withheld = 0
        self._bus = bus
        self._service = service
        self._subjects = sorted([*(one.subject for one in handled), f"retry.{service}"])
        self._stored = count(1)

    async def start(self) -> None:
        """Make the stream and the consumer, and listen. Raises Skip without JetStream."""
        transport = self._bus.transport
        await transport.subscribe(f"$JS.ACK.{NAME}.{self._service}.>", self._on_answer)
        await transport.subscribe(f"$JS.API.CONSUMER.MSG.NEXT.{NAME}.{self._service}", self._on_pull)
        await transport.subscribe(f"dead.{self._service}", self._on_letter)
        stream = {"name": NAME, "subjects": self._subjects, "storage": "memory", "max_bytes": 64 * 1024 * 1024}
        error = await self._api(f"STREAM.CREATE.{NAME}", stream)
        if error.get("err_code") == _IN_USE:
            error = await self._api(f"STREAM.UPDATE.{NAME}", stream)
        if error:
            raise Skip(f"JetStream cannot store the events: {error.get('description')}")
        await self._consumer(self._service)

    async def _consumer(self, name: str, **own: str) -> None:
        common = {"filter_subjects": self._subjects, "ack_policy": "explicit", "ack_wait": 30 * _SECOND}
        asked = {"stream_name": NAME, "config": {"durable_name": name, **common, **own}}
        if error := await self._api(f"CONSUMER.DURABLE.CREATE.{NAME}.{name}", asked):
            raise Skip(f"JetStream makes no consumer {name}: {error.get('description')}")

    async def _api(self, verb: str, body: Mapping[str, object]) -> dict[str, Any]:
        """The error of the server's answer; empty if there is none."""
        try:
            reply = await self._bus.ask(f"$JS.API.{verb}", compact(body))
        except NobodyServes:
            raise Skip("the bus has no JetStream: start nats-server with -js") from None
        found: dict[str, Any] = (reply.body or {}).get("error", {})
        return found

    @asynccontextmanager
    async def foreign(self, inbox: str) -> AsyncIterator[list[bytes]]:
        """Have another consumer deliver the next event to the inbox. The list has what it hears in answer."""
        heard: list[bytes] = []
        transport = self._bus.transport
        listening = await transport.subscribe(
            f"$JS.ACK.{NAME}.{FOREIGN}.>", lambda message: heard.append(message.payload)
        )
        await self._consumer(FOREIGN, deliver_policy="new")
        self._bus.publish(f"$JS.API.CONSUMER.MSG.NEXT.{NAME}.{FOREIGN}", b"1", reply=inbox)
        try:
            yield heard
        finally:
            await listening.drain()
            await self._api(f"CONSUMER.DELETE.{NAME}.{FOREIGN}", {})

    def withhold_next(self) -> None:
        """Do not store the next dead letter: its publisher hears nothing."""
        self._withheld += 1

    async def publish(self, subject: str, payload: bytes, headers: Mapping[str, str]) -> int:
        """Store a message and return its sequence number."""
        reply = await self._bus.ask(subject, payload, headers)
        if "seq" not in (reply.body or {}):
            raise NoAnswer(f"the stream does not store {subject}: {reply.payload[:200]!r}")
        return int(reply.body["seq"])

    def _on_answer(self, message: Message) -> None:
        self.answers[int(message.subject.split(".")[_SEQUENCE])].append(message.payload)

    def _on_pull(self, message: Message) -> None:
        if message.reply not in self.inboxes:
            self.inboxes.append(message.reply)

    def _on_letter(self, message: Message) -> None:
        sequence = message.headers.get(names.DEAD_SEQUENCE, "")
        number = int(sequence) if sequence.isdecimal() else 0
        self.letters[number].append(message)
        if self._withheld:
            self._withheld -= 1
        elif message.reply:
            self._bus.publish(message.reply, compact({"stream": "DEAD", "seq": next(self._stored)}))


async def until(holds: Callable[[], object], within: float) -> bool:
    """Whether it holds within so many seconds."""
    ends = asyncio.get_running_loop().time() + within
    while not holds():
        if asyncio.get_running_loop().time() > ends:
            return False
        await asyncio.sleep(_EVERY)
    return True


def headers_of(event: EventContract, **changes: str | None) -> dict[str, str]:
    """The headers of a fresh event. A change to None leaves a header out; `_` in its name stands for `-`.

    There is no `Nats-Msg-Id`: the stream is to store a repetition too.
    """
    made: dict[str, str | None] = {
        names.CE_SPECVERSION: "1.0",
        names.CE_ID: str(uuid4()),
        names.CE_TYPE: event.subject.removeprefix("events."),
        names.CE_SOURCE: f"/{event.service}",
        names.CE_SUBJECT: "1",
        names.CE_TIME: datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        names.CONTENT_TYPE: names.JSON,
        names.REQUEST_ID: f"conform-{secrets.token_hex(8)}",
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }
    return {name: value for name, value in made.items() if value is not None}


def nak_delay(answer: bytes) -> float | None:
    """The seconds of a `-NAK {"delay": …}`; None for another answer."""
    word, _, body = answer.partition(b" ")
    try:
        delay = json.loads(body)["delay"]
    except (ValueError, KeyError, TypeError):
        return None
    return delay / _SECOND if word == b"-NAK" and type(delay) is int else None
