"""The worker's side of the mesh: accepts requests, runs a bounded number at once, answers each exactly once."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from pydantic import ValidationError

from mesh.core.context import Context, begin
from mesh.core.endpoint import Endpoint, Rep, Req
from mesh.core.errors import CallError, Disconnected, Fault, TooLarge, Unavailable
from mesh.core.instance import instance_id
from mesh.service.accepted import AcceptedRequest, Route, too_large
from mesh.service.clocks import Clocks
from mesh.service.deadlines import Deadlines
from mesh.service.faults import bug, deadline_passed, declared, passed_on
from mesh.service.pool import Pool
from mesh.service.queue import RequestQueue
from mesh.service.request import read_headers
from mesh.service.subscriptions import Subscriptions
from mesh.service.verification import Verify, verified
from mesh.telemetry.metrics import Histogram, Source
from mesh.transport.base import NO_HEADERS, Message, Transport
from mesh.wire import names, problem, validation
from mesh.wire.discovery import SHARED, VERBS, Identity
from mesh.wire.json_text import require_unique_names

if TYPE_CHECKING:
    from mesh.telemetry.tracing import Tracer

log = structlog.get_logger()

Handler = Callable[[Req], Awaitable[Rep]]


class Service:
    """Answers endpoints over a transport, discoverable by ADR-32.

    At most `concurrency` handlers run at once, over all endpoints, and `queue_size` further requests wait. Any other
    request is refused at once as `overloaded`. `verify` runs for endpoints that are declared `verified`.
    `clock` returns Unix time; the callers' clocks may differ. `pool` says whether instances share the service's state.
    """

    def __init__(  # noqa: PLR0913  # each by name; only the bounds have defaults
        self,
        name: str,
        transport: Transport,
        *,
        version: str,
        description: str,
        verify: Verify,
        concurrency: int = 64,
        queue_size: int = 256,
        clock: Callable[[], float] = time.time,
        pool: str = SHARED,
    ) -> None:
        self.identity = Identity(name, instance_id(), version, description)
        self.tracer: Tracer | None = None
        """Traces requests that their callers trace; set it before `start`."""
        self.statistics: Callable[[], dict[str, Any]] = dict
        """Makes the `data` of a STATS document."""
        self.durations: Histogram | None = None
        """Measures requests by subject and outcome; set it before `start`."""
        self.waits: Histogram | None = None
        """Measures how long requests wait for a handler; set it before `start`."""
        self.sources: Sequence[Source] = ()
        """Show the numbers of what the service uses."""
        self._transport = transport
        self._verify = verify
        self.concurrency = concurrency
        self._routes: list[Route] = []
        self._loop: asyncio.AbstractEventLoop  # set by start(); kept: `get_running_loop` costs a system call
        self._log = log  # bound by start(): an unbound logger reads its configuration at each line
        self.pool = Pool(self.identity.id, pool)
        """Whether other instances keep this one from serving."""
        self._subscriptions = Subscriptions(transport, self.pool)
        self.queue = RequestQueue[AcceptedRequest](handlers=concurrency, size=queue_size)
        """The requests that wait for a handler."""
        self._deadlines: Deadlines  # set by start()
        self._clock = clock
        self._clocks: Clocks  # set by start()
        self._running = 0
        self._background_tasks: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    def add(self, endpoint: Endpoint[Req, Rep], handler: Handler[Req, Rep]) -> None:
        """Register the handler of an endpoint; their types must match."""
        if endpoint.service != self.identity.name:
            raise ValueError(f"{endpoint.subject} belongs to {endpoint.service}, not to {self.identity.name}")
        self._routes.append(Route(endpoint, handler))

    async def start(self) -> None:
        """Start accepting requests. Raises Refused if NATS forbids a subscription."""
        self._loop = asyncio.get_running_loop()
        self._log = log.bind()
        self._deadlines = Deadlines()
        self._clocks = Clocks(self._loop.time(), self._clock)
        await self._subscriptions.start(
            {
                subject: partial(self._answer_discovery, verb)
                for verb in VERBS
                for subject in self.identity.subjects(verb)
            },
            {route.endpoint.subject: partial(self._accept, route) for route in self._routes},
        )
        log.info("service_started", service=self.identity.name, id=self.identity.id, endpoints=len(self._routes))

    async def pause(self, reason: str) -> None:
        """Leave requests to other instances until `resume`. Accepted requests and discovery are still answered."""
        await self._subscriptions.pause(reason)

    async def resume(self, limit: str | None = None) -> None:
        """Accept requests again; `limit` says why some cannot be served. Raises Disconnected."""
        await self._subscriptions.resume(limit)

    async def drain(self) -> None:
        """Accept nothing new, and answer everything that was accepted.

        The order loses no request: unsubscribe and wait for the messages routed here, then wait for the handlers (each
        ends by its deadline), then wait until the server confirms the replies.
        """
        await self._subscriptions.end()
        await self._idle.wait()
        await asyncio.gather(*self._background_tasks)
        try:
            await self._transport.flush()
        except Disconnected:
            log.warning("drained_without_nats")
        log.info("service_drained", service=self.identity.name)

    @property
    def ready(self) -> bool:
        """Whether the service accepts requests to all its endpoints: not before `start`, nor after `drain`."""
        return self._subscriptions.ready

    @property
    def running(self) -> int:
        """Handlers that run now."""
        return self._running

    @property
    def background_tasks(self) -> int:
        """Replies without a handler that are being sent: refusals and discovery."""
        return len(self._background_tasks)

    def handled(self, endpoint: Endpoint[Any, Any]) -> int:
        """The requests to the endpoint that were answered, refused or dropped since the start."""
        return sum(route.record.stats.requests for route in self._routes if route.endpoint.subject == endpoint.subject)

    @property
    def queued(self) -> int:
        """Requests that wait for a handler."""
        return len(self.queue)

    def _accept(self, route: Route, message: Message) -> None:
        if not message.reply.startswith(names.INBOX_PREFIX):
            # Without a reply subject nobody gets the outcome. If the reply subject is no inbox, the worker's right to
            # reply would let the sender publish anywhere.
            log.warning("request_without_inbox", subject=message.subject)
            return
        received = self._loop.time()
        context, fault = read_headers(message, route.endpoint, received, self._clocks)
        if self.tracer is not None and context.trace:
            context = self.tracer.in_worker(context, message.subject)
        request = AcceptedRequest(route, message, received, context, fault)
        if len(message.payload) > route.endpoint.max_request:
            self._start_background(self._refuse(request, too_large(route.endpoint)))
        elif self._running < self.concurrency:
            self._run(request)
        elif (reason := self.queue.refusal(request.time_left())) is not None:
            busy = f"{self.identity.name} has no free handler, and its queue is full"
            self._start_background(self._refuse(request, Unavailable(reason, busy)))
        else:
            self.queue.append(request)

    def _run(self, request: AcceptedRequest) -> None:
        self._running += 1
        self._idle.clear()
        self._loop.create_task(self._work(request))  # referenced by what it awaits, and by self._deadlines

    def _finished(self) -> None:
        self._running -= 1
        if (waiting := self.queue.next()) is not None:
            if self.waits is not None:
                self.waits.observe((), self._loop.time() - waiting.received)
            if waiting.context.span is not None:
                waiting.context.span.waited(self._loop.time() - waiting.received)
            self._run(waiting)
        elif not self._running:
            self._idle.set()

    async def _work(self, request: AcceptedRequest) -> None:
        """Answer a request, whatever happens, then run the next one."""
        route, message, _, context, fault = request
        started = time.perf_counter_ns()
        begin(context)
        if fault is None and context.deadline <= self._loop.time():
            fault = deadline_passed("the deadline passed before the handler started")
        begun = fault is None
        try:
            try:
                if begun:
                    body = await self._reply(request)
                    await self._transport.publish(message.reply, body, {names.REQUEST_ID: context.request_id})
            except Fault as error:
                fault = _answered_by(route, context, error)
                error.with_traceback(None)  # its traceback refers to this frame: a cycle
            except Disconnected:
                log.warning("reply_not_sent", subject=message.subject)
            elapsed = time.perf_counter_ns() - started
            if begun:  # a dropped request says nothing about handling times
                self.queue.learn(elapsed / 1e9)
            route.record.stats.count(elapsed, f"{fault.code.number}: {fault.detail}" if fault else None)
            outcome = fault.code.value if fault else "ok"
            self._log.info("request", subject=message.subject, outcome=outcome, ms=round(elapsed / 1e6, 2))
            if self.durations is not None:
                self.durations.observe((message.subject, outcome), elapsed / 1e9, context.trace_id)
            if context.span is not None:
                context.span.served(fault)
            if fault is not None:
                await self._send_fault(message, fault, context.request_id)
        except Exception:  # nothing awaits this task, and the next request must run
            log.exception("reply_failed")
        finally:
            self._finished()

    async def _reply(self, request: AcceptedRequest) -> bytes:
        """The encoded reply. Raises the Fault to send to the caller; TimedOut at the deadline."""
        route, message, context = request.route, request.message, request.context
        task = self._deadlines.begin(context.deadline)
        try:
            body = message.payload or b"{}"
            try:
                payload = route.read(body)
            except ValidationError as error:
                raise validation.invalid_payload(error, body) from None
            require_unique_names(body, payload)
            if route.endpoint.verified:
                begin(await verified(self._verify, route.endpoint, context))
            return route.write(await route.handler(payload))
        except BaseException as error:
            if self._deadlines.over(task):
                raise deadline_passed("the deadline passed before the handler finished") from error
            if isinstance(error, CallError):
                raise passed_on(error) from error
            if isinstance(error, Fault) or not isinstance(error, Exception):
                raise
            raise bug(message.subject, error) from error
        finally:
            self._deadlines.end(task)

    async def _refuse(self, request: AcceptedRequest, fault: Fault) -> None:
        request.route.record.stats.count(0, f"{fault.code.number}: {fault.detail}")
        begin(request.context)
        if request.context.span is not None:
            request.context.span.served(fault)
        await self._send_fault(request.message, fault, request.context.request_id)

    async def _send_fault(self, message: Message, fault: Fault, request_id: str) -> None:
        headers, body = problem.error_reply(fault, request_id)
        await self._send(message.reply, body, message.subject, headers)

    async def _send(self, reply: str, body: bytes, subject: str, headers: Mapping[str, str] = NO_HEADERS) -> None:
        try:
            await self._transport.publish(reply, body, headers)
        except (Disconnected, TooLarge) as error:
            log.warning("reply_not_sent", subject=subject, error=str(error))

    def _answer_discovery(self, verb: str, message: Message) -> None:
        if message.payload and message.subject == f"$SRV.PING.{self.identity.name}":
            self.pool.hear(message.payload)
        if message.reply.startswith(names.INBOX_PREFIX):
            records = [route.record for route in self._routes]
            document = self.identity.document(verb, records, self._subscriptions.metadata, self.statistics())
            self._start_background(self._send(message.reply, json.dumps(document).encode(), "$SRV"))

    def _start_background(self, sending: Awaitable[None]) -> None:
        """Send a reply that needs no handler, as a background task that drain() waits for."""
        task = asyncio.ensure_future(sending)
        self._background_tasks.add(task)
        task.add_done_callback(self._background_tasks.discard)


def _answered_by(route: Route, context: Context, error: Fault) -> Fault:
    """The fault to send to the caller. The span learns of what failed."""
    if context.span is not None:
        context.span.failed(error)
    return declared(route.endpoint, error)
