"""A message bus within the process, for unit tests: the same promises as NATS, and faults at will."""

import asyncio
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from mesh.core.errors import Disconnected, NoResponder
from mesh.transport.base import NO_HEADERS, Deliver, Message, Resend, Subscription, check_size
from mesh.transport.pending_replies import PendingReplies
from mesh.wire.headers import decode, encode
from mesh.wire.problem import takes_no_more

_AGAIN = "again"
"""Begins the last token of an inbox to which a request that was sent again is answered."""


@dataclass(eq=False)
class _Interest:
    """One subscription."""

    pattern: list[str]
    deliver: Deliver
    queue: str
    owner: "MemoryTransport"
    broker: "MemoryBroker"

    def matches(self, subject: str) -> bool:
        tokens = subject.split(".")
        for position, wanted in enumerate(self.pattern):
            if wanted == ">":
                return len(tokens) > position
            if position >= len(tokens) or wanted not in ("*", tokens[position]):
                return False
        return len(tokens) == len(self.pattern)

    def end(self) -> None:
        if self in self.broker.interests:
            self.broker.interests.remove(self)

    async def drain(self) -> None:
        self.end()
        await asyncio.sleep(0)  # what was routed before is scheduled before this


@dataclass
class MemoryBroker:
    """The server's part: who gets which message."""

    max_payload: int = 1_048_576
    interests: list[_Interest] = field(default_factory=list)
    _turns: "itertools.count[int]" = field(default_factory=itertools.count)

    def route(self, message: Message) -> int:
        """Deliver soon, in order, to everybody and to one of each queue group; answers how many will get it."""
        if message.headers:  # as NATS would bring them
            message = message._replace(headers=decode(encode(message.headers)))
        listeners: list[_Interest] = []
        groups: dict[str, list[_Interest]] = {}
        for interest in self.interests:
            if not interest.owner.connected or not interest.matches(message.subject):
                continue
            if interest.queue:
                groups.setdefault(interest.queue, []).append(interest)
            else:
                listeners.append(interest)
        listeners += [members[next(self._turns) % len(members)] for members in groups.values()]
        loop = asyncio.get_running_loop()
        for listener in listeners:
            loop.call_soon(listener.deliver, message)
        return len(listeners)


class MemoryTransport:
    """One process's connection to a MemoryBroker; `disconnect` and `reconnect` are the faults."""

    _names = itertools.count(1)

    def __init__(self, broker: MemoryBroker, name: str = "memory") -> None:
        self.closed = asyncio.Event()
        self.reconnecting = False
        self.reconnects = 0
        self.broker = broker
        self._inbox = f"_INBOX_{name}.{next(self._names)}."
        self._calls = itertools.count(1)
        self._connected = True
        self._pending: PendingReplies | None = None  # from the first request on: there may be no event loop yet
        self._hearing: _Interest | None = None
        """Interest in answers, while any request waits for one."""

    @property
    def pending_requests(self) -> int:
        """Requests that wait for their replies."""
        return 0 if self._pending is None else len(self._pending.by_token)

    @property
    def connected(self) -> bool:
        """Whether a request would leave this process now."""
        return self._connected

    async def request(
        self,
        subject: str,
        payload: bytes,
        headers: Mapping[str, str],
        timeout: float,
        resend: Resend | None = None,
    ) -> Message:
        """See Transport.request."""
        self._check_sendable(subject, payload, headers)
        if self._pending is None:
            self._pending = PendingReplies()
        replies = self._pending
        token, pending = replies.add(subject, timeout, resend)
        message = Message(subject, payload, headers, self._inbox + token)
        if resend is not None:
            pending.send_again = partial(self._send_again, message, token)
        if self._hearing is None:
            self._hearing = self._add(f"{self._inbox}*", partial(self._on_reply, replies))
        try:
            if self.broker.route(message) == 0:
                raise NoResponder(f"nobody serves {subject}")
            return await pending.future
        finally:
            replies.remove(token)
            if self._hearing is not None and not replies.by_token:
                self._hearing.end()
                self._hearing = None
            del pending  # it holds the error, whose traceback holds this frame: a cycle

    def _send_again(self, message: Message, token: str) -> None:
        if self._connected:
            self.broker.route(message._replace(reply=f"{self._inbox}{_AGAIN}{next(self._calls)}-{token}"))

    def _on_reply(self, replies: PendingReplies, message: Message) -> None:
        # That a worker which is asked again takes no more tells nothing of the one that was asked first.
        if not (message.subject.startswith(_AGAIN, len(self._inbox)) and takes_no_more(message.headers)):
            replies.resolve(message)

    async def publish(
        self, subject: str, payload: bytes, headers: Mapping[str, str] = NO_HEADERS, reply: str = ""
    ) -> None:
        """See Transport.publish."""
        self._check_sendable(subject, payload, headers)
        self.broker.route(Message(subject, payload, headers, reply))

    def inbox(self) -> str:
        """See Transport.inbox."""
        return f"{self._inbox}{next(self._calls)}"

    async def subscribe(self, subject: str, deliver: Deliver, queue: str = "") -> Subscription:
        """See Transport.subscribe."""
        if not self._connected:
            raise Disconnected(f"not connected, so not subscribed to {subject}")
        return self._add(subject, deliver, queue)

    def _add(self, subject: str, deliver: Deliver, queue: str = "") -> _Interest:
        interest = _Interest(subject.split("."), deliver, queue, self, self.broker)
        self.broker.interests.append(interest)
        return interest

    def _check_sendable(self, subject: str, payload: bytes, headers: Mapping[str, str]) -> None:
        if not self._connected:
            raise Disconnected(f"not connected, so {subject} was not asked")
        check_size(len(encode(headers)) + len(payload), self.broker.max_payload)

    async def flush(self) -> None:
        """See Transport.flush."""
        if not self._connected:
            raise Disconnected("not connected")
        await asyncio.sleep(0)

    async def close(self) -> None:
        """See Transport.close."""
        self.disconnect()
        self.broker.interests[:] = [one for one in self.broker.interests if one.owner is not self]
        self.closed.set()

    def disconnect(self) -> None:
        """Lose the connection: whoever waits learns it now, and nothing is delivered here until `reconnect`."""
        self._connected = False
        for waiting in self._pending.by_token.values() if self._pending else ():
            waiting.fail(Disconnected("the connection broke while waiting for the answer", sent=True))

    def reconnect(self) -> None:
        """Be connected again; interests come back by themselves."""
        self._connected = True
        self.reconnects += 1
