"""A message bus within the process, for unit tests: the same promises as NATS, and faults at will."""

import asyncio
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mesh.core.errors import DeadlineExceeded, Disconnected, NoResponder
from mesh.transport.base import NO_HEADERS, Deliver, Message, Resend, Subscription, check_size
from mesh.wire.headers import decode, encode
from mesh.wire.problem import takes_no_more


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
        self._broker = broker
        self._inbox = f"_INBOX_{name}.{next(self._names)}."
        self._calls = itertools.count(1)
        self._connected = True
        self._waiting: set[asyncio.Future[Message]] = set()

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
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()

        def take(message: Message) -> None:
            if not answer.done():
                answer.set_result(message)

        def take_second(message: Message) -> None:
            if not takes_no_more(message.headers):
                take(message)

        inbox = self.inbox()
        interests = [self._add(inbox, take)]
        if resend:
            interests.append(self._add(f"{inbox}.again.*", take_second))
        self._waiting.add(answer)
        message = Message(subject, payload, headers, inbox)
        resending = _Resending(resend, lambda: self._send_again(message)) if resend else None
        try:
            if self._broker.route(message) == 0:
                raise NoResponder(f"nobody serves {subject}")
            async with asyncio.timeout(timeout):
                return await answer
        except TimeoutError:
            raise DeadlineExceeded.here(subject) from None
        finally:
            self._waiting.discard(answer)
            if resending:
                resending.cancel()
            for interest in interests:
                interest.end()

    def _send_again(self, message: Message) -> None:
        if self._connected:
            self._broker.route(message._replace(reply=f"{message.reply}.again.{next(self._calls)}"))

    async def publish(
        self, subject: str, payload: bytes, headers: Mapping[str, str] = NO_HEADERS, reply: str = ""
    ) -> None:
        """See Transport.publish."""
        self._check_sendable(subject, payload, headers)
        self._broker.route(Message(subject, payload, headers, reply))

    def inbox(self) -> str:
        """See Transport.inbox."""
        return f"{self._inbox}{next(self._calls)}"

    async def subscribe(self, subject: str, deliver: Deliver, queue: str = "") -> Subscription:
        """See Transport.subscribe."""
        return self._add(subject, deliver, queue)

    def _add(self, subject: str, deliver: Deliver, queue: str = "") -> _Interest:
        interest = _Interest(subject.split("."), deliver, queue, self, self._broker)
        self._broker.interests.append(interest)
        return interest

    def _check_sendable(self, subject: str, payload: bytes, headers: Mapping[str, str]) -> None:
        if not self._connected:
            raise Disconnected(f"not connected, so {subject} was not asked")
        check_size(len(encode(headers)) + len(payload), self._broker.max_payload)

    async def flush(self) -> None:
        """See Transport.flush."""
        if not self._connected:
            raise Disconnected("not connected")
        await asyncio.sleep(0)

    async def close(self) -> None:
        """See Transport.close."""
        self.disconnect()
        self._broker.interests[:] = [one for one in self._broker.interests if one.owner is not self]
        self.closed.set()

    def disconnect(self) -> None:
        """Lose the connection: whoever waits learns it now, and nothing is delivered here until `reconnect`."""
        self._connected = False
        for answer in self._waiting:
            if not answer.done():
                answer.set_exception(Disconnected("the connection broke while waiting for the answer", sent=True))

    def reconnect(self) -> None:
        """Be connected again; interests come back by themselves."""
        self._connected = True
        self.reconnects += 1


class _Resending:
    """Sends again, by the rule of a Resend, until it is cancelled."""

    def __init__(self, resend: Resend, send: Callable[[], None]) -> None:
        self._resend = resend
        self._send = send
        self._after = resend.after
        self._schedule()

    def _schedule(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._after, self._again)

    def _again(self) -> None:
        if self._resend.allowed():
            self._send()
        self._after = self._resend.longer(self._after)
        self._schedule()

    def cancel(self) -> None:
        """Send no more."""
        self._timer.cancel()
