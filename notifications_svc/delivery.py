"""Delivers notifications, a bounded number at once, and retries those that fail."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import structlog

from contracts.notifications import Channel
from mesh.core import context
from mesh.core.context import NO_DEADLINE, NO_TRACE, Context, request_id_from
from mesh.core.errors import Fault
from notifications_svc.channel import Away, Later, Undeliverable
from notifications_svc.kinds import Kind
from notifications_svc.repository import Due, Notifications
from notifications_svc.route import Route, Send, most
from providers.mongo.operation import now

if TYPE_CHECKING:
    from mesh.telemetry.tracing import Tracer

log = structlog.get_logger()

_POLL: Final = 5.0
"""Seconds between two looks without a wake-up: they find retries, and what a dead process left."""
_SHORTEST_PAUSE: Final = 5.0
_LONGEST_PAUSE: Final = 3600.0
_GROWTH: Final = 4.0
_SHORTEST_RECORD_PAUSE: Final = 0.1
_LONGEST_RECORD_PAUSE: Final = 5.0
_GIVEN_UP: Final = timedelta(days=3)
_LONGEST_DELIVERY: Final = 60.0
_DRAIN: Final = 5.0

Find = Callable[[Due], Awaitable[tuple[Channel, str] | None]]
"""The channel and the address there; None if the address is not known yet."""


class Delivery:
    """Claims notifications that are due and delivers them.

    A failed delivery is retried for three days, after pauses that grow from 5 s to an hour. An unavailable channel is
    tried again after at most 30 s. The other channel goes on meanwhile.
    """

    def __init__(  # noqa: PLR0913  # each by name
        self,
        notifications: Notifications,
        find: Find,
        channels: Mapping[Channel, Send],
        woken: asyncio.Event,
        *,
        at_once: int,
        poll: float = _POLL,
    ) -> None:
        """`woken` is set when something may be due. `poll`: seconds between two looks without that."""
        self._notifications = notifications
        self._find = find
        self._channels = {channel: Route(send, most(channel, at_once)) for channel, send in channels.items()}
        self._woken = woken
        self._slots = asyncio.Semaphore(at_once)
        self._poll = poll
        self._running: set[asyncio.Task[None]] = set()
        self._delivers = False
        self.tracer: Callable[[], Tracer | None] = lambda: None
        """Returns what traces deliveries whose requests are traced, or None."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Deliver within the context. At its end, deliveries have five seconds to finish."""
        task = asyncio.create_task(self._run(), name="delivery")
        self._delivers = True
        try:
            yield
        finally:
            self._delivers = False
            task.cancel()
            await asyncio.wait({task})
            await self._drain()

    async def accept(self, notification_id: str, user_id: str, kind: Kind, values: Mapping[str, Any]) -> None:
        """Store a notification, and deliver it at once if there is room. A second call with the id changes nothing.

        Stored as claimed, it needs no claim of its own.
        """
        if not self._delivers or self._slots.locked():
            await self._notifications.add(notification_id, user_id, kind, values)
            return
        await self._slots.acquire()
        try:
            due = await self._notifications.add(notification_id, user_id, kind, values, claim=True)
        except BaseException:
            self._slots.release()
            raise
        self._begin(due)

    def statistics(self) -> dict[str, Any]:
        """The `data` of a STATS document: counts by channel."""
        return {"deliveries": {channel.value: vars(route.stats) for channel, route in self._channels.items()}}

    async def _run(self) -> None:
        while True:
            try:
                if await self._take():
                    continue
            except Exception as error:  # noqa: BLE001  # the notifications stay in the database
                log.warning("deliveries_not_read", error=str(error), type=type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll):
                    await self._woken.wait()

    async def _take(self) -> bool:
        """Start one delivery if one is due. Returns whether one was."""
        await self._slots.acquire()
        try:
            self._woken.clear()
            due = await self._notifications.claim()
        except BaseException:
            self._slots.release()
            raise
        self._begin(due)
        return due is not None

    def _begin(self, due: Due | None) -> None:
        """Start a delivery in the slot that is taken; without one, release the slot."""
        if due is None:
            self._slots.release()
            return
        task = asyncio.create_task(self._deliver(due))
        self._running.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._slots.release()
        if not task.cancelled() and (error := task.exception()) is not None:
            # The database is unavailable. The claim expires, and the notification is delivered again.
            log.warning("delivery_not_recorded", error=str(error), type=type(error).__name__)

    async def _deliver(self, due: Due) -> None:
        """Deliver one notification and record the outcome, for the request that caused it but without its deadline."""
        trace = {"traceparent": due.traceparent} if due.traceparent else NO_TRACE
        request = Context(request_id_from(due.request_id), NO_DEADLINE, trace=trace)
        tracer = self.tracer()
        context.begin(request if tracer is None else tracer.in_background(request))
        found = await self._find(due)
        if found is None:
            await self._again(due, None, Later("the address of the user is not known yet"))
            return
        channel, address = found
        route = self._channels[channel]
        if (rest := route.rest()) > 0:
            await self._notifications.postpone(due, channel, "the channel is away or busy", rest, counts=False)
            return
        try:
            async with asyncio.timeout(_LONGEST_DELIVERY):
                with _step(channel):
                    await route.deliver(due, address)
        except Exception as error:  # noqa: BLE001  # also a bug in a template: it must not be retried without a pause
            await self._not_sent(due, channel, error)
        else:
            route.is_back()
            await self._record_sent(due, channel)
            log.info("notification_sent", channel=channel.value, **_about(due))

    async def _record_sent(self, due: Due, channel: Channel) -> None:
        """Record the delivery, however long the database is away: without the record it would be made again."""
        pause = _SHORTEST_RECORD_PAUSE
        while True:
            try:
                await self._notifications.sent(due, channel)
            except Fault as fault:
                if not fault.code.retryable:
                    raise
                log.warning("delivery_not_recorded", error=str(fault), pause=pause, **_about(due))
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_RECORD_PAUSE)
            else:
                return

    async def _not_sent(self, due: Due, channel: Channel, error: Exception) -> None:
        stats = self._channels[channel].stats
        stats.errors += 1
        stats.last_error = _said(error)
        if isinstance(error, Undeliverable):
            await self._give_up(due, channel, str(error))
        elif isinstance(error, Away):
            pause = self._channels[channel].is_away()
            log.warning("channel_away", channel=channel.value, error=str(error), pause=pause)
            await self._again(due, channel, error, pause)
        else:
            await self._again(due, channel, error)

    async def _again(self, due: Due, channel: Channel | None, error: Exception, pause: float | None = None) -> None:
        """Retry after the pause, which grows with the attempts by default. Give up after three days."""
        said = _said(error)
        if now() - due.created_at > _GIVEN_UP:
            await self._give_up(due, channel, said)
            return
        if channel is not None:
            self._channels[channel].stats.retried += 1
        log.warning("notification_postponed", error=said, attempts=due.attempts + 1, **_about(due))
        counts = pause is None
        await self._notifications.postpone(due, channel, said, pause or pause_after(due.attempts), counts=counts)

    async def _give_up(self, due: Due, channel: Channel | None, said: str) -> None:
        log.error("notification_failed", error=said, **_about(due))
        if channel is not None:
            self._channels[channel].stats.failed += 1
        await self._notifications.failed(due, channel, said)

    async def _drain(self) -> None:
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=_DRAIN)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)


def _step(channel: Channel) -> AbstractContextManager[None]:
    """The span of a try to deliver, if its request is traced."""
    request = context.current()
    if request is None or request.span is None:
        return nullcontext()
    return request.span.step(request, f"deliver {channel.value}", **{"mesh.channel": channel.value})


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, Later | Undeliverable) else f"{type(error).__name__}: {error}"


def _about(due: Due) -> dict[str, str]:
    return {"notification": due.notification_id, "kind": due.kind.value}


def pause_after(attempts: int) -> float:
    """Seconds to wait after so many earlier attempts."""
    return float(min(_SHORTEST_PAUSE * _GROWTH ** min(attempts, 10), _LONGEST_PAUSE))
