"""The consumer: handles the durable events of a service, a bounded number at once, each exactly once in effect."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import structlog

from mesh.core.context import NO_TRACE, Context, request_id_from
from mesh.core.context import begin as begin_request
from mesh.core.errors import CallError, Disconnected, Fault
from mesh.core.event import Event
from mesh.core.reading import Unreadable
from mesh.events import cloud_event, jetstream
from mesh.events.cloud_event import CloudEvent, Misfit
from mesh.events.dead_letter import dead_headers, dead_subject, retry_subject
from mesh.events.handler_stats import HandlerStats
from mesh.events.jetstream import ACK, ACK_WAIT, EVENTS, IN_PROGRESS, Delivery, delivery, nak
from mesh.events.puller import Puller
from mesh.events.retries import HANDED_BACK, Failure, Retries, failure, timed_out
from mesh.events.stores import Inbox
from mesh.service.deadlines import Deadlines
from mesh.telemetry.metrics import Histogram
from mesh.transport.base import Message, Transport
from mesh.wire import names
from mesh.wire.json_text import ambiguity

if TYPE_CHECKING:
    from mesh.telemetry.tracing import Tracer

log = structlog.get_logger()

TIMEOUT: Final = 30.0
"""Seconds that a handler may take, unless it declares another time."""
_DRAIN: Final = 5.0
"""Seconds that running handlers have after the process is told to stop."""


class Handler(NamedTuple):
    """Who handles an event."""

    event: Event[Any]
    handle: Callable[[Any, Any], Awaitable[None]]
    """Takes the inbox's unit (None without an inbox) and the payload."""
    timeout: float = TIMEOUT
    """Seconds."""


@dataclass
class _Route:
    handler: Handler
    stats: HandlerStats = field(default_factory=HandlerStats)


class EventConsumer:
    """Pulls the events of a service from its durable consumer, and hands each to its handler.

    With an inbox the effect and the event's id are one transaction, and the event is acknowledged after it. A handler
    that fails is tried again after growing pauses. After the last try, or at once if the message cannot be understood,
    the event goes to the dead letters. A handler that takes long is reported with `+WPI`.
    """

    def __init__(  # noqa: PLR0913  # each by name
        self,
        service: str,
        transport: Transport,
        handlers: Iterable[Handler],
        *,
        inbox: Inbox[Any] | None = None,
        concurrency: int = 8,
        retries: Retries | None = None,
        ack_wait: float = ACK_WAIT,
    ) -> None:
        self.tracer: Tracer | None = None
        """Traces events whose publishers trace them; set it before `start`."""
        self.durations: Histogram | None = None
        """Measures tries by subject and outcome; set it before `start`."""
        self.pending = 0
        """Events that waited in the stream at the latest delivery."""
        self.redelivered = 0
        """Deliveries of an event after the first one."""
        self._service = service
        self._transport = transport
        self._routes = {handler.event.type: _Route(handler) for handler in handlers}
        self._inbox = inbox
        self._retry_subject = retry_subject(service)
        self._retries = retries or Retries()
        self._ack_wait = ack_wait
        self.puller = Puller(transport, EVENTS, service, concurrency, self._deliver)
        self.tasks: dict[asyncio.Task[None], str] = {}
        """The task of each event in work, with the subject of its acknowledgement."""
        self._log = log  # bound by start(): an unbound logger reads its configuration at each line
        self._deadlines: Deadlines  # set by start()
        self._reporting: asyncio.Task[None] | None = None
        self._unread = HandlerStats()
        """Dead letters of messages without a handler."""

    @property
    def stats(self) -> dict[str, HandlerStats]:
        """The counts of each handler by the event's subject, and `unread` for messages without a handler."""
        handled = {route.handler.event.subject: route.stats for route in self._routes.values()}
        return {**handled, "unread": self._unread}

    async def start(self) -> None:
        """Start pulling."""
        self._log = log.bind()
        self._deadlines = Deadlines()
        self._reporting = asyncio.create_task(self._report_progress(), name="events-in-progress")
        await self.puller.start()

    async def pause(self) -> None:
        """Leave events to other instances until `resume`. The handlers at work finish."""
        await self.puller.pause()

    def resume(self) -> None:
        """Pull again. Idempotent."""
        self.puller.resume()

    async def drain(self) -> None:
        """Stop pulling and finish the running handlers. After five seconds, hand the rest back to the server."""
        await self.puller.end()
        if self.tasks:
            _, late = await asyncio.wait([*self.tasks], timeout=_DRAIN)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        if self._reporting is not None:
            self._reporting.cancel()
            await asyncio.wait({self._reporting})
        try:
            await self._transport.flush()
        except Disconnected:
            log.warning("drained_without_nats")

    @property
    def running(self) -> int:
        """Events in work now."""
        return len(self.tasks)

    def statistics(self) -> dict[str, Any]:
        """The consumer's part of a STATS document: counts by event."""
        counted = {name: vars(route.stats) for name, route in self._routes.items()}
        return {"handlers": counted, "unread": self._unread.dead, "running": self.running}

    def _deliver(self, message: Message) -> None:
        told = delivery(message)
        if told is None or (told.stream, told.consumer) != (EVENTS, self._service):
            # A process that may pull from another consumer can have its messages sent here.
            log.warning("event_of_another_consumer", subject=message.subject)
            self.puller.release()
            return
        self.pending = told.pending
        self.redelivered += told.attempt > 1
        task = asyncio.get_running_loop().create_task(self._work(message, told))
        self.tasks[task] = message.reply
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        del self.tasks[task]
        self.puller.release()

    async def _work(self, message: Message, told: Delivery) -> None:
        """Handle one delivery and acknowledge it, whatever happens."""
        try:
            acknowledgement = await self._outcome(message, told)
        except asyncio.CancelledError:  # by drain(): hand it to another instance at once
            acknowledgement = nak(0)
        except Exception:  # nothing awaits this task
            log.exception("event_failed", subject=message.subject)
            acknowledgement = nak(self._retries.pause(told.attempt))
        try:
            await self._transport.publish(message.reply, acknowledgement)
        except Disconnected:  # the server delivers it again, and the inbox knows it
            log.warning("event_not_acknowledged", subject=message.subject)

    async def _outcome(self, message: Message, told: Delivery) -> bytes:
        """The acknowledgement of the delivery, once its effect is committed or its dead letter is stored."""
        try:
            event, route, payload = self._understood(message)
        except Misfit as misfit:
            return await self._bury(message, told, misfit.reason, misfit.detail, self._unread)
        context = self._begin(message, event, route.handler)
        if told.attempt > self._retries.most:  # its process died or was killed each time
            detail = f"delivered {told.attempt} times without an outcome"
            return await self._bury(message, told, "no_outcome", detail, route.stats)
        started = time.perf_counter_ns()
        failed = await self._handle(route, event, payload, context)
        elapsed = time.perf_counter_ns() - started
        route.stats.processing_time += elapsed
        if self.durations is not None:
            labels = (route.handler.event.subject, "failed" if failed else "ok")
            self.durations.observe(labels, elapsed / 1e9, context.trace_id)
        self._log.info(
            "event_handled",
            type=event.type,
            id=event.id,
            outcome=failed.reason if failed else "ok",
            attempt=told.attempt,
            ms=round(elapsed / 1e6, 2),
        )
        if failed is None:
            return ACK
        route.stats.errors += 1
        route.stats.last_error = f"{failed.reason}: {failed.detail}"
        if self._retries.is_last(told.attempt, failed):
            return await self._bury(message, told, failed.reason, failed.detail, route.stats)
        route.stats.retried += 1
        return nak(self._retries.pause(told.attempt))

    def _understood(self, message: Message) -> tuple[CloudEvent, _Route, Any]:
        """The event, who handles it, and its payload. Raises Misfit."""
        event = cloud_event.read(message.headers)
        route = self._routes.get(event.type)
        if route is None:
            raise Misfit("unknown_type", f"{self._service} does not handle {event.type}")
        if message.subject not in (route.handler.event.subject, self._retry_subject):
            # NATS decides who may publish a subject; the headers are the publisher's own words.
            raise Misfit("wrong_subject", f"{event.type} does not belong on {message.subject}")
        try:
            payload = route.handler.event.read(message.payload)
        except Unreadable as error:
            raise Misfit("invalid_payload", str(error)) from None
        if (ambiguous := ambiguity(message.payload)) is not None:
            raise Misfit("invalid_payload", ambiguous.detail)
        return event, route, payload

    def _begin(self, message: Message, event: CloudEvent, handler: Handler) -> Context:
        """Make the event the one that this task works on."""
        headers = message.headers
        trace = {name: headers[name] for name in names.TRACE_HEADERS if name in headers} or NO_TRACE
        deadline = asyncio.get_running_loop().time() + handler.timeout
        context = Context(request_id_from(headers.get(names.REQUEST_ID)), deadline, trace=trace)
        if self.tracer is not None and trace:
            context = self.tracer.in_consumer(context, handler.event.subject, event.id)
        begin_request(context)
        cloud_event.begin(event)
        return context

    async def _handle(self, route: _Route, event: CloudEvent, payload: object, context: Context) -> Failure | None:
        """Run the handler within its timeout. Returns why it failed, or None."""
        failed = None
        route.stats.running += 1
        task = self._deadlines.begin(context.deadline)
        try:
            await self._apply(route, event.id, payload)
        except BaseException as error:
            if self._deadlines.over(task):
                failed = timed_out(route.handler.timeout)
            elif isinstance(error, Exception):
                failed = failure(error, event.type)
                if context.span is not None:
                    context.span.failed(error)
            else:
                failed = HANDED_BACK
                raise
        finally:
            self._deadlines.end(task)
            route.stats.running -= 1
            if context.span is not None:
                context.span.handled(failed and failed.reason)
        return failed

    async def _apply(self, route: _Route, event_id: str, payload: object) -> None:
        """Apply the event, unless the inbox has its id."""
        if self._inbox is None:
            await route.handler.handle(None, payload)
        else:
            async with self._inbox.once(event_id) as unit:
                if unit is None:
                    route.stats.repeated += 1
                    return
                await route.handler.handle(unit, payload)
        route.stats.handled += 1

    async def _bury(self, message: Message, told: Delivery, reason: str, detail: str, stats: HandlerStats) -> bytes:
        """Store the dead letter. Returns the acknowledgement. If the letter cannot be stored, the event stays."""
        headers = dead_headers(self._service, message, told, reason, detail)
        about = {"reason": reason, "sequence": told.sequence, "attempt": told.attempt}
        try:
            await jetstream.publish(self._transport, dead_subject(self._service), message.payload, headers)
        except (CallError, Fault) as error:
            log.error("dead_letter_not_stored", error=str(error), **about)  # noqa: TRY400  # the text says it all
            return nak(self._retries.pause(told.attempt))
        stats.dead += 1
        log.error("event_dead", subject=message.subject, detail=detail, **about)
        return ACK

    async def _report_progress(self) -> None:
        """Extend the time of each event in work. Otherwise the server would deliver it again."""
        while True:
            await asyncio.sleep(self._ack_wait / 3)
            try:
                for reply in [*self.tasks.values()]:
                    await self._transport.publish(reply, IN_PROGRESS)
            except Disconnected:
                log.warning("progress_not_reported")
