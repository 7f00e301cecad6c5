"""A message bus in memory, for unit tests: it behaves as NATS does, and fails on demand."""

import asyncio
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from mesh.core.errors import Disconnected, NoResponder
from mesh.transport.base import NO_HEADERS, Deliver, Message, Resend, Subscription, check_size
from mesh.transport.pending_replies import PendingReplies
from mesh.wire.headers import decode, encode
from mesh.wire.problem import is_overloaded

_AGAIN = "again"
"""Starts the last token of the inbox for replies to a repeated request."""


@dataclass(eq=False)
class _Subscription:
    """One subscription."""

    pattern: list[str]
    deliver: Deliver
    queue: str
    owner: "MemoryTransport"
    broker: "MemoryBroker"
    refused: bool = False

    def matches(self, subject: str) -> bool:
        tokens = subject.split(".")
        for position, wanted in enumerate(self.pattern):
            if wanted == ">":
                return len(tokens) > position
            if position >= len(tokens) or wanted not in ("*", tokens[position]):
                return False
        return len(tokens) == len(self.pattern)

    def end(self) -> None:
        if self in self.broker.subscriptions:
            self.broker.subscriptions.remove(self)

    async def drain(self) -> None:
        self.end()
        await asyncio.sleep(0)  # what was routed before is scheduled before this


@dataclass
class MemoryBroker:
    """The server: decides who gets which message."""

    max_payload: int = 1_048_576
    subscriptions: list[_Subscription] = field(default_factory=list)
    _turns: "itertools.count[int]" = field(default_factory=itertools.count)

    def route(self, message: Message) -> int:
        """Deliver soon, in order, to every subscriber and one member of each queue group. Returns how many get it."""
        if message.headers:  # encoded and decoded, as NATS would
            message = message._replace(headers=decode(encode(message.headers)))
        listeners: list[_Subscription] = []
        groups: dict[str, list[_Subscription]] = {}
        for subscription in self.subscriptions:
            if not subscription.owner.connected or not subscription.matches(message.subject):
                continue
            if subscription.queue:
                groups.setdefault(subscription.queue, []).append(subscription)
            else:
                listeners.append(subscription)
        listeners += [members[next(self._turns) % len(members)] for members in groups.values()]
        loop = asyncio.get_running_loop()
        for listener in listeners:
            loop.call_soon(listener.deliver, message)
        return len(listeners)


class MemoryTransport:
    """One process's connection to a MemoryBroker. `disconnect` and `reconnect` simulate faults."""

    _names = itertools.count(1)

    def __init__(self, broker: MemoryBroker, name: str = "memory") -> None:
        self.closed = asyncio.Event()
        self.reconnecting = False
        self.reconnects = 0
        self.broker = broker
        self._inbox = f"_INBOX_{name}.{next(self._names)}."
        self._calls = itertools.count(1)
        self._connected = True
        self._pending: PendingReplies | None = None  # created by the first request: there may be no event loop yet
        self._reply_subscription: _Subscription | None = None
        """The subscription to replies, while a request waits for one."""

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
        if self._reply_subscription is None:
            self._reply_subscription = self._add(f"{self._inbox}*", partial(self._on_reply, replies))
        try:
            if self.broker.route(message) == 0:
                raise NoResponder(f"no worker serves {subject}")
            return await pending.future
        finally:
            replies.remove(token)
            if self._reply_subscription is not None and not replies.by_token:
                self._reply_subscription.end()
                self._reply_subscription = None
            del pending  # its error's traceback refers to this frame: a cycle

    def _send_again(self, message: Message, token: str) -> None:
        if self._connected:
            self.broker.route(message._replace(reply=f"{self._inbox}{_AGAIN}{next(self._calls)}-{token}"))

    def _on_reply(self, replies: PendingReplies, message: Message) -> None:
        # An `overloaded` reply to a repeated request does not count: the first worker may still answer.
        if not (message.subject.startswith(_AGAIN, len(self._inbox)) and is_overloaded(message.headers)):
            replies.resolve(message)

    async def publish(
        self, subject: str, payload: bytes, headers: Mapping[str, str] = NO_HEADERS, reply: str = ""
    ) -> None:
        """See Transport.publish."""
        self._check_sendable(subject, payload, headers)
        self.broker.route(Message(subject, payload, headers, reply))

    def inbox(self) -> str:
        """See Transport.inbox."""
        return f"{self._inbox[:-1]}-{next(self._calls)}"  # the subscription to replies does not match it

    async def subscribe(self, subject: str, deliver: Deliver, queue: str = "") -> Subscription:
        """See Transport.subscribe."""
        if not self._connected:
            raise Disconnected(f"not connected: not subscribed to {subject}")
        return self._add(subject, deliver, queue)

    def _add(self, subject: str, deliver: Deliver, queue: str = "") -> _Subscription:
        subscription = _Subscription(subject.split("."), deliver, queue, self, self.broker)
        self.broker.subscriptions.append(subscription)
        return subscription

    def _check_sendable(self, subject: str, payload: bytes, headers: Mapping[str, str]) -> None:
        if not self._connected:
            raise Disconnected(f"not connected: {subject} was not sent")
        check_size(len(encode(headers)) + len(payload), self.broker.max_payload)

    async def flush(self) -> None:
        """See Transport.flush."""
        if not self._connected:
            raise Disconnected("not connected")
        await asyncio.sleep(0)

    async def close(self) -> None:
        """See Transport.close."""
        self.disconnect()
        self.broker.subscriptions[:] = [one for one in self.broker.subscriptions if one.owner is not self]
        self.closed.set()

    def disconnect(self) -> None:
        """Lose the connection: pending requests fail, and nothing is delivered until `reconnect`."""
        self._connected = False
        for waiting in self._pending.by_token.values() if self._pending else ():
            waiting.fail(Disconnected("the connection was lost while waiting for the reply", sent=True))

    def reconnect(self) -> None:
        """Restore the connection. Subscriptions continue."""
        self._connected = True
        self.reconnects += 1
