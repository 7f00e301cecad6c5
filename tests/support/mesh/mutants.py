"""A worker's connection that breaks one rule at a time: requests and replies are changed on their way."""

import asyncio
import base64
import json
import random
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any
from uuid import uuid4

from conform.tokens import claims, signed
from mesh.nats.settings import NatsSettings
from mesh.nats.transport import NatsTransport
from mesh.transport.base import NO_HEADERS, Deliver, Message, Resend, Subscription
from mesh.wire.headers import UNREADABLE
from mesh.wire.names import REQUEST_ID

Reply = tuple[bytes, dict[str, str]]


def _same(message: Message) -> Message:
    return message


def _as_it_is(payload: bytes, headers: dict[str, str]) -> Reply:
    return payload, headers


@dataclass(frozen=True)
class Mutation:
    """What is wrong: with how requests and events are read, or with what is answered, published or buried."""

    request: Callable[[Message], Message] = _same
    reply: Callable[[bytes, dict[str, str]], Reply] = _as_it_is
    event: Callable[[bytes, dict[str, str]], Reply] = _as_it_is
    answers: int = 1
    one_at_a_time: bool = False
    delivery: Callable[[Message], Message] = _same
    acknowledgement: Callable[[bytes], bytes] = bytes
    letter: Callable[[bytes, dict[str, str]], Reply] = _as_it_is
    letters_are_stored: bool = True
    """Whether it waits until a dead letter is stored."""
    acknowledges_first: bool = False
    one_event_at_a_time: bool = False


class Mutant(NatsTransport):
    """Correct until it has a mutation."""

    mutation = Mutation()

    def __init__(self, settings: NatsSettings, name: str) -> None:
        super().__init__(settings, name)
        self._waiting = deque[Callable[[], None]]()
        self._deliveries = deque[Callable[[], None]]()
        self._tasks = set[asyncio.Task[None]]()

    async def subscribe(self, subject: str, deliver: Deliver, queue: str = "") -> Subscription:
        if queue == "q" or subject.startswith("$SRV"):
            deliver = self._changing(deliver)
        elif subject.startswith("_INBOX_"):
            deliver = self._delivering(deliver)
        return await super().subscribe(subject, deliver, queue)

    def _delivering(self, deliver: Deliver) -> Deliver:
        def changed(message: Message) -> None:
            if not message.reply.startswith("$JS.ACK."):
                deliver(message)
                return
            begin = partial(deliver, self.mutation.delivery(message))
            if self.mutation.acknowledges_first:
                self._later(self._acknowledged_first(message.reply, begin))
            elif self.mutation.one_event_at_a_time:
                self._deliveries.append(begin)
                if len(self._deliveries) == 1:
                    begin()
            else:
                begin()

        return changed

    async def _acknowledged_first(self, reply: str, begin: Callable[[], None]) -> None:
        await super().publish(reply, b"+ACK")
        await asyncio.sleep(1)
        begin()

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _changing(self, deliver: Deliver) -> Deliver:
        def changed(message: Message) -> None:
            begin = partial(deliver, self.mutation.request(message))
            if not self.mutation.one_at_a_time or message.subject.startswith("$SRV"):
                begin()
                return
            self._waiting.append(begin)
            if len(self._waiting) == 1:
                begin()

        return changed

    def _answered(self) -> None:
        """Begin the next request of those that are handled one at a time."""
        if self._waiting:
            self._waiting.popleft()
        if self._waiting:
            self._waiting[0]()

    def _handled(self) -> None:
        """Begin the next event of those that are handled one at a time."""
        if self._deliveries:
            self._deliveries.popleft()
        if self._deliveries:
            self._deliveries[0]()

    async def request(
        self, subject: str, payload: bytes, headers: Mapping[str, str], timeout: float, resend: Resend | None = None
    ) -> Message:
        if subject.startswith("events."):
            payload, headers = self.mutation.event(payload, dict(headers))
        if subject.startswith("dead."):
            payload, headers = self.mutation.letter(payload, dict(headers))
            if not self.mutation.letters_are_stored:
                await super().publish(subject, payload, headers)
                return Message(subject, b'{"stream":"DEAD","seq":1}')
        return await super().request(subject, payload, headers, timeout, resend)

    async def publish(
        self, subject: str, payload: bytes, headers: Mapping[str, str] = NO_HEADERS, reply: str = ""
    ) -> None:
        if subject.startswith("_INBOX_") and payload:
            payload, headers = self.mutation.reply(payload, dict(headers))
            for _ in range(self.mutation.answers - 1):
                await super().publish(subject, payload, headers, reply)
        if subject.startswith("$JS.ACK."):
            payload = self.mutation.acknowledgement(payload)
            self._handled()
        await super().publish(subject, payload, headers, reply)
        if REQUEST_ID in headers:
            self._answered()


def without(*names: str) -> Callable[[Message], Message]:
    """Do not see these headers."""
    return lambda message: message._replace(
        headers={name: value for name, value in message.headers.items() if name not in names}
    )


def body(change: Callable[[bytes], bytes]) -> Callable[[Message], Message]:
    """Read the body otherwise."""
    return lambda message: message._replace(payload=change(message.payload))


def document(change: Callable[[dict[str, Any]], object]) -> Callable[[bytes, dict[str, str]], Reply]:
    """Answer a discovery document otherwise."""

    def changed(payload: bytes, headers: dict[str, str]) -> Reply:
        read = json.loads(payload)
        if str(read.get("type", "")).startswith("io.nats"):
            for endpoint in read.get("endpoints", []):
                change(endpoint)
        return json.dumps(read).encode(), headers

    return changed


def always_ready(payload: bytes, headers: dict[str, str]) -> Reply:
    """Say in discovery that it is ready, whatever happens."""
    read = json.loads(payload)
    if str(read.get("type", "")).startswith("io.nats"):
        read["metadata"] = {"ready": "true"}
    return json.dumps(read).encode(), headers


def padded() -> Callable[[bytes, dict[str, str]], Reply]:
    """Answer the same JSON with one blank more each time."""
    blanks = count()
    return lambda payload, headers: (payload + b" " * next(blanks), headers)


def renamed(payload: bytes, headers: dict[str, str]) -> Reply:
    """Send an event under another id each time."""
    return payload, {**headers, "Nats-Msg-Id": str(uuid4())}


def untraced(payload: bytes, headers: dict[str, str]) -> Reply:
    """Send an event without the trace of the request that caused it."""
    return payload, {name: value for name, value in headers.items() if name != "traceparent"}


def with_empty_payload(_: bytes, headers: dict[str, str]) -> Reply:
    """Send an event that says nothing."""
    return b"{}", headers


def without_user(payload: bytes, headers: dict[str, str]) -> Reply:
    """Send an event whose user is nobody."""
    return json.dumps({**json.loads(payload), "user_id": None}).encode(), headers


def always_new(message: Message) -> Message:
    """Take each delivery for another event, of another order."""
    payload = message.payload
    if message.headers.get("ce-type") == "orders.confirmed" and b"order_id" in payload:
        payload = json.dumps({**json.loads(payload), "order_id": random.randint(1, 10**9 - 1)}).encode()
    return message._replace(payload=payload, headers={**message.headers, "ce-id": str(uuid4())})


def of_any_consumer(message: Message) -> Message:
    """Take another consumer's message for one of its own, which it answers."""
    return message._replace(reply=message.reply.replace(".EVENTS.conform.", ".EVENTS.shipping."))


def no_retries(message: Message) -> Message:
    """Do not know the subject of retries."""
    return message._replace(subject=message.subject.replace("retry.", "again."))


def uncounted(payload: bytes, headers: dict[str, str]) -> Reply:
    """Answer STATS without the counts of events."""
    read = json.loads(payload)
    read.get("data", {}).pop("events", None)
    return json.dumps(read).encode(), headers


def lenient(payload: bytes) -> bytes:
    """Python's own reading: of two names the last one counts."""
    try:
        return json.dumps(json.loads(payload)).encode()
    except ValueError:
        return payload


def trimmed(payload: bytes) -> bytes:
    """Texts without white space around them."""
    try:
        read = json.loads(payload)
    except ValueError:
        return payload
    if isinstance(read, dict):
        read = {name: one.strip() if isinstance(one, str) else one for name, one in read.items()}
    return json.dumps(read).encode()


def without_order(payload: bytes) -> bytes:
    """A cursor that is read without its filters, since the request has none any more."""
    try:
        read = json.loads(payload)
    except ValueError:
        return payload
    kept = {name: one for name, one in read.items() if "cursor" not in read or name not in ("sort", "q")}
    return json.dumps(kept).encode()


def trusting(part: int, name: str, value: object) -> Callable[[Message], Message]:
    """Believe any token whose header (0) or claims (1) have this, or where it is true of them."""

    def believed(message: Message) -> Message:
        token = message.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            text = token.split(".")[part]
            found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))[name]
        except (ValueError, KeyError, IndexError, TypeError):
            return message
        if not (value(found) if callable(value) else found == value):
            return message
        good = signed(claims("a", "USER", "ADMIN"))
        return message._replace(headers={**message.headers, "Authorization": f"Bearer {good}"})

    return believed


def readable(message: Message) -> Message:
    """Take a block that cannot be read for one without headers."""
    return without(UNREADABLE)(message)


def trusting_replies(message: Message) -> Message:
    """Take any reply subject for an inbox."""
    foreign = not message.reply.startswith("_INBOX_")
    return message._replace(reply=f"_INBOX_conform.{message.reply}") if foreign else message
