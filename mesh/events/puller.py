"""The puller: pulls the messages of a durable consumer, never more at once than there is room for."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog

from mesh.core.errors import CallError
from mesh.events.jetstream import PENDING_MESSAGES, pull_request, pull_subject
from mesh.transport.base import Message, Subscription, Transport
from mesh.wire.headers import STATUS

log = structlog.get_logger()

_EXPIRES: Final = 30.0
"""Seconds after which the server ends a pull without messages."""
_HEARTBEAT: Final = 5.0
"""Seconds between the server's heartbeats while a pull waits."""
_SILENCE: Final = 2.5 * _HEARTBEAT
"""Seconds without a heartbeat after which the pull counts as lost."""
_TICK: Final = 0.5
"""Seconds between two checks for a lost pull."""
_AGAIN: Final = 1.0
"""Seconds before the next pull if the server refuses one."""
_HEARTBEAT_STATUS: Final = "100"


class Puller:
    """Pulls from one durable consumer of a stream, and keeps at most `room` messages with their handlers.

    It pulls as soon as a quarter of the room is free. A pull that the server lost (after a restart, or a
    change of leader) is noticed by a reconnect, or by the silence of its heartbeat.
    """

    def __init__(
        self, transport: Transport, stream: str, consumer: str, room: int, deliver: Callable[[Message], None]
    ) -> None:
        """`deliver` gets each message; whoever is done with one calls `release`."""
        self._transport = transport
        self._consumer = consumer
        self._subject = pull_subject(stream, consumer)
        self._room = room
        self._least = max(1, room // 4)
        self._deliver = deliver
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()
        self._subscription: Subscription | None = None
        self.inbox = ""
        self._task: asyncio.Task[None] | None = None
        self._paused = False
        self._in_use = 0
        self._asked_for = 0
        """Messages that open pulls may still deliver."""
        self._reconnects = 0
        self._heard = 0.0
        """When the server last said anything, in the event loop's time."""
        self._not_before = 0.0
        self._lost = False

    async def start(self) -> None:
        """Start pulling."""
        self._task = asyncio.create_task(self._run(), name="puller")

    async def pause(self) -> None:
        """Stop pulling. On return, every message that the server has sent here is delivered."""
        self._paused = True
        async with self._lock:
            await self._unsubscribe()

    def resume(self) -> None:
        """Pull again. Idempotent."""
        if self._paused:
            self._paused = False
            self._wake.set()

    async def end(self) -> None:
        """Pause for good."""
        await self.pause()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def release(self) -> None:
        """Free the room of one message."""
        self._in_use -= 1
        if self._wanted() >= self._least:
            self._wake.set()

    def _wanted(self) -> int:
        return self._room - self._in_use - self._asked_for

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                async with self._lock:
                    if not self._paused:
                        await self._pull()
            except CallError as error:  # the next tick tries again
                log.warning("pull_failed", consumer=self._consumer, error=str(error))
                self._lost = True
                await asyncio.sleep(_TICK)
            with suppress(TimeoutError):
                async with asyncio.timeout(_TICK):
                    await self._wake.wait()

    async def _pull(self) -> None:
        """Ask for as many messages as there is room for. Raises CallError."""
        now = asyncio.get_running_loop().time()
        if not self._transport.connected or now < self._not_before:
            return
        silent = self._asked_for > 0 and now > self._heard + _SILENCE
        if self._subscription is None or self._lost or silent or self._reconnects != self._transport.reconnects:
            await self._resubscribe()
        if (wanted := self._wanted()) >= self._least:
            self._heard = now
            self._asked_for += wanted
            await self._transport.publish(self._subject, pull_request(wanted, _EXPIRES, _HEARTBEAT), reply=self.inbox)

    async def _resubscribe(self) -> None:
        """Subscribe to a new inbox. The server drops pulls whose inbox has no subscriber."""
        await self._unsubscribe()
        self._reconnects, self._lost = self._transport.reconnects, False
        self.inbox = self._transport.inbox()
        self._subscription = await self._transport.subscribe(self.inbox, self._on_message)

    async def _unsubscribe(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            await subscription.drain()
        self._asked_for = 0

    def _on_message(self, message: Message) -> None:
        now = asyncio.get_running_loop().time()
        self._heard = now
        if not message.reply:  # a publisher may send a header `Status` too, but each stored message has a reply subject
            self._on_status(message.headers.get(STATUS, ""), message.headers.get(PENDING_MESSAGES, ""), now)
        elif self._in_use >= self._room:  # more than was requested; the server will deliver it again
            log.warning("event_not_asked_for", consumer=self._consumer)
        else:
            self._asked_for = max(0, self._asked_for - 1)
            self._in_use += 1
            self._deliver(message)

    def _on_status(self, status: str, pending: str, now: float) -> None:
        if status == _HEARTBEAT_STATUS:
            return
        if pending.isascii() and pending.isdigit():  # the pull has ended
            self._asked_for = max(0, self._asked_for - int(pending[:9]))
        else:
            log.warning("pull_refused", consumer=self._consumer, status=status)
            self._lost = True
            self._not_before = now + _AGAIN
        self._wake.set()
