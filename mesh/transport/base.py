"""What the runtime needs of a message bus: a transport that sends requests, and subscriptions that take them in."""

import asyncio
from collections.abc import Callable, Mapping
from math import inf
from typing import Final, NamedTuple, Protocol

from mesh.core.errors import TooLarge

NO_HEADERS: Final[Mapping[str, str]] = {}


class Message(NamedTuple):
    """One message as it came; `reply` is empty where no answer is wanted."""

    subject: str
    payload: bytes
    headers: Mapping[str, str] = NO_HEADERS
    reply: str = ""


Deliver = Callable[[Message], None]
"""Takes a message in at once, without waiting: whatever takes time is the receiver's to schedule.

It runs where the socket is read: what it raises is logged, and a context variable that it sets stays set.
"""


class Resend(NamedTuple):
    """Ask again after so many seconds of silence, each time if `allowed` says so: whoever was asked may be frozen.

    Each further silence is `growth` times as long as the one before, and `longest` at most.
    """

    after: float
    allowed: Callable[[], bool]
    growth: float = 1.0
    longest: float = inf

    def longer(self, after: float) -> float:
        """The silence that follows one of so many seconds."""
        return min(after * self.growth, max(self.longest, self.after))


class Subscription(Protocol):
    """Interest in a subject."""

    async def drain(self) -> None:
        """End the interest; on return everything that was routed here has been delivered."""


class Transport(Protocol):
    """What the runtime needs of a message bus. One test suite holds every implementation to it."""

    closed: asyncio.Event
    """Set once the connection is gone for good: the process should end, for its supervisor to start it anew."""

    reconnects: int
    """How often the connection came back: since the last time, events may have been missed."""

    @property
    def connected(self) -> bool:
        """Whether a request would leave this process now."""

    @property
    def reconnecting(self) -> bool:
        """Whether the connection was lost only a moment ago, so that another server may take us any time."""

    async def request(
        self,
        subject: str,
        payload: bytes,
        headers: Mapping[str, str],
        timeout: float,
        resend: Resend | None = None,
    ) -> Message:
        """Send a request and wait for its one reply, at most `timeout` seconds.

        With `resend` the same request goes out again after a while of silence, and the first reply to any counts; but
        that one which was asked again takes no more just now tells nothing of the one who was asked first.

        Raises NoResponder, DeadlineExceeded, Disconnected, Refused, TooLarge.
        """

    async def publish(
        self, subject: str, payload: bytes, headers: Mapping[str, str] = NO_HEADERS, reply: str = ""
    ) -> None:
        """Send a message, and wait for no answer: where any are wanted, they go to `reply`.

        Raises Disconnected, TooLarge.
        """

    def inbox(self) -> str:
        """A subject that is ours alone, for answers."""

    async def subscribe(self, subject: str, deliver: Deliver, queue: str = "") -> Subscription:
        """Have each message on `subject` delivered, in order; within a queue group to one member alone.

        On return the interest is in force. Raises Refused, Disconnected.
        """

    async def flush(self) -> None:
        """Return when the server has processed all that was sent before. Raises Disconnected."""

    async def close(self) -> None:
        """Send what is still to be sent and disconnect; requests that wait end with Disconnected."""


def check_size(size: int, limit: int) -> None:
    """Raise TooLarge when payload and headers together are over the limit.

    Above it the server drops the link and nats-py closes for good; nats-py's own check leaves the headers out.
    """
    if size > limit:
        raise TooLarge("message_too_large", f"a message of {size} bytes is over the limit of {limit}")
