"""JetStream in memory: as much of it as a relay and a consumer use, on the event loop's own clock."""

import asyncio
import json
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from mesh.events.jetstream import ACK, ACK_WAIT, DEAD, EVENTS, IN_PROGRESS
from mesh.transport.base import Message
from mesh.transport.memory import MemoryBroker
from mesh.wire.names import MESSAGE_ID

_PULL: Final = "$JS.API.CONSUMER.MSG.NEXT."
_ACK: Final = "$JS.ACK."
_WINDOW: Final = 120.0


@dataclass
class Stored:
    """One message of a stream."""

    sequence: int
    message: Message


@dataclass
class Pull:
    """Who waits for messages."""

    inbox: str
    left: int


@dataclass
class Consumer:
    """A durable consumer with explicit acknowledgement."""

    ack_wait: float
    ready: deque[Stored] = field(default_factory=deque)
    pulls: deque[Pull] = field(default_factory=deque)
    attempts: dict[int, int] = field(default_factory=dict)
    timers: dict[int, asyncio.TimerHandle] = field(default_factory=dict)
    """Of each message that is delivered and not settled: when it is delivered again."""
    by_sequence: dict[int, Stored] = field(default_factory=dict)
    progress: int = 0
    """How often somebody has said that it is at work."""

    @property
    def unsettled(self) -> int:
        return len(self.ready) + len(self.timers)


class StreamBroker(MemoryBroker):
    """A broker with the streams EVENTS and DEAD; `full` makes a stream refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.streams: dict[str, list[Stored]] = {EVENTS: [], DEAD: []}
        self.consumers: dict[str, Consumer] = {}
        self.full: set[str] = set()
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}

    def add_consumer(self, name: str, ack_wait: float = ACK_WAIT) -> Consumer:
        self.consumers[name] = Consumer(ack_wait)
        return self.consumers[name]

    def route(self, message: Message) -> int:
        """Store, deliver or settle what is a stream's; the rest is as on any broker."""
        kind = message.subject.partition(".")[0]
        if message.subject.startswith(_PULL):
            self._pull(message)
        elif message.subject.startswith(_ACK):
            self._settle(message)
        elif kind in ("events", "retry"):
            self._store(EVENTS, message)
        elif kind == "dead":
            self._store(DEAD, message)
        else:
            return super().route(message)
        return 1

    def _store(self, name: str, message: Message) -> None:
        if name in self.full:
            error = {"code": 503, "err_code": 10077, "description": "maximum messages exceeded"}
            self._reply(message, {"error": error, "stream": name, "seq": 0})
            return
        stream, now = self.streams[name], asyncio.get_running_loop().time()
        key = (name, message.headers.get(MESSAGE_ID, ""))
        at, sequence = self._seen.get(key, (-_WINDOW, 0))
        if not key[1] or now >= at + _WINDOW:
            sequence = len(stream) + 1
            self._seen[key] = now, sequence
            stored = Stored(sequence, message._replace(headers=dict(message.headers)))
            stream.append(stored)
            if name == EVENTS:
                for consumer_name, consumer in self.consumers.items():
                    if not message.subject.startswith("retry.") or message.subject == f"retry.{consumer_name}":
                        consumer.by_sequence[sequence] = stored
                        consumer.ready.append(stored)
                        self._serve(consumer_name, consumer)
        self._reply(message, {"stream": name, "seq": sequence})

    def _reply(self, message: Message, answer: object) -> None:
        if message.reply:
            super().route(Message(message.reply, json.dumps(answer).encode()))

    def _pull(self, message: Message) -> None:
        name = message.subject.rpartition(".")[2]
        consumer = self.consumers[name]
        consumer.pulls.append(Pull(message.reply, json.loads(message.payload)["batch"]))
        self._serve(name, consumer)

    def _serve(self, name: str, consumer: Consumer) -> None:
        while consumer.ready and consumer.pulls:
            pull = consumer.pulls[0]
            if not self._deliver(name, consumer, pull.inbox):
                consumer.pulls.popleft()  # nobody listens there any more
                continue
            pull.left -= 1
            if not pull.left:
                consumer.pulls.popleft()

    def _deliver(self, name: str, consumer: Consumer, inbox: str) -> bool:
        listener = next((one for one in self.interests if one.owner.connected and one.matches(inbox)), None)
        if listener is None:
            return False
        stored = consumer.ready.popleft()
        attempt = consumer.attempts[stored.sequence] = consumer.attempts.get(stored.sequence, 0) + 1
        reply = f"{_ACK}{EVENTS}.{name}.{attempt}.{stored.sequence}.{attempt}.0.{len(consumer.ready)}"
        self._later(name, stored, consumer.ack_wait)
        asyncio.get_running_loop().call_soon(listener.deliver, stored.message._replace(reply=reply))
        return True

    def _later(self, name: str, stored: Stored, delay: float) -> None:
        consumer = self.consumers[name]
        if (timer := consumer.timers.pop(stored.sequence, None)) is not None:
            timer.cancel()
        loop = asyncio.get_running_loop()
        consumer.timers[stored.sequence] = loop.call_later(delay, self._again, name, stored)

    def _again(self, name: str, stored: Stored) -> None:
        consumer = self.consumers[name]
        del consumer.timers[stored.sequence]
        consumer.ready.append(stored)
        self._serve(name, consumer)

    def _settle(self, message: Message) -> None:
        _, _, _, name, _, sequence, *_ = message.subject.split(".")
        consumer = self.consumers[name]
        stored = consumer.by_sequence.get(int(sequence))
        if stored is None or stored.sequence not in consumer.timers:
            return
        if message.payload == ACK:
            consumer.timers.pop(stored.sequence).cancel()
        elif message.payload == IN_PROGRESS:
            consumer.progress += 1
            self._later(name, stored, consumer.ack_wait)
        else:
            _, _, options = message.payload.partition(b" ")
            self._later(name, stored, json.loads(options)["delay"] / 1e9 if options else 0)
