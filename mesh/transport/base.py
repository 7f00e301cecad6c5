"""The interface of a message bus: a transport that publishes and requests, and its subscriptions."""

import asyncio
from collections.abc import Callable, Mapping
from math import inf
from typing import Final, NamedTuple, Protocol

from mesh.core.errors import TooLarge

NO_HEADERS: Final[Mapping[str, str]] = {}


class Message(NamedTuple):
    """One received message; `reply` is empty if the sender wants no reply."""

    subject: str
    payload: bytes
    headers: Mapping[str, str] = NO_HEADERS
    reply: str = ""


Deliver = Callable[[Message], None]
"""Receives a message and must return at once; work that takes time belongs in a task.

It runs inside the read loop: an exception is logged, and a context variable that it sets stays set.
"""


class Resend(NamedTuple):
    """The rule to send a request again after `after` seconds of silence: the worker may be frozen.

    `allowed` is asked each time. Each further silence is `growth` times the last, `shortest` at least and `longest` at
    most.
    """

    after: float
    allowed: Callable[[], bool]
    growth: float = 1.0
    longest: float = inf
    shortest: float = 0.0

    def longer(self, after: float) -> float:
        """The silence after one of `after` seconds."""
        return max(self.shortest, min(after * self.growth, max(self.longest, self.after)))


class Subscription(Protocol):
    """A subscription to a subject."""

    @property
    def refused(self) -> bool:
        """Whether the server has withdrawn it since: a change of rights, or a reconnect. Subscribe again to retry."""

    async def drain(self) -> None:
        """Unsubscribe. On return every message routed here has been delivered."""


class Transport(Protocol):
    """A connection to a message bus. One test suite runs over every implementation."""

    closed: asyncio.Event
    """Set once the connection is lost for good. The process should end, so that its supervisor restarts it."""

    reconnects: int
    """How often the connection was restored. Each time, events may have been missed."""

    @property
    def connected(self) -> bool:
        """Whether a request sent now would leave this process."""

    @property
    def reconnecting(self) -> bool:
        """Whether the connection was lost only a moment ago and may return soon."""

    async def request(
        self,
        subject: str,
        payload: bytes,
        headers: Mapping[str, str],
        timeout: float,
        resend: Resend | None = None,
    ) -> Message:
        """Send a request and wait for its one reply, at most `timeout` seconds.

        With `resend` the request is sent again after a silence, and the first reply counts. An `overloaded` reply to a
        repeated request does not count: the first worker may still answer.

        Raises NoResponder, DeadlineExceeded, Disconnected, Refused, TooLarge.
        """

    async def publish(
        self, subject: str, payload: bytes, headers: Mapping[str, str] = NO_HEADERS, reply: str = ""
    ) -> None:
        """Send a message without waiting for a reply; replies, if any, go to the subject `reply`.

        Raises Disconnected, TooLarge.
        """

    def inbox(self) -> str:
        """A new reply subject that only this process may subscribe to."""

    async def subscribe(self, subject: str, deliver: Deliver, queue: str = "") -> Subscription:
        """Deliver each message on `subject`, in order. In a queue group one member gets each message.

        On return the subscription is active. Raises Refused, Disconnected.
        """

    async def flush(self) -> None:
        """Return when the server has processed everything sent before. Raises Disconnected."""

    async def close(self) -> None:
        """Send what is buffered, then disconnect. Pending requests raise Disconnected."""


def check_size(size: int, limit: int) -> None:
    """Raise TooLarge if payload and headers together exceed the limit.

    Beyond it the server drops the connection, and nats-py closes for good. nats-py's own check omits the headers.
    """
    if size > limit:
        raise TooLarge("message_too_large", f"a message of {size} bytes is over the limit of {limit}")
