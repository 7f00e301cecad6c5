"""One worker's side of the mesh: takes requests in, runs a bounded number at once, answers each exactly once."""

import asyncio
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog
from pydantic import BaseModel, ValidationError

from mesh.core.context import Caller, Context, begin
from mesh.core.endpoint import Access, Endpoint, Rep, Req
from mesh.core.errors import CallError, Disconnected, Fault, TooLarge, Unauthenticated, Unavailable
from mesh.security.verifier import demand
from mesh.service import request as arrival
from mesh.service.clocks import Clocks
from mesh.service.deadlines import Deadlines
from mesh.service.faults import bug, deadline_passed, passed_on
from mesh.service.queue import Backlog
from mesh.service.subscriptions import Membership
from mesh.transport.base import Message, Transport
from mesh.wire import names, problem, validation
from mesh.wire.discovery import VERBS, Described, Identity

if TYPE_CHECKING:
    from mesh.telemetry.tracing import Tracer

log = structlog.get_logger()

Handler = Callable[[Req], Awaitable[Rep]]
Verify = Callable[[str], Awaitable[Caller]]
"""Turns an `Authorization` header into the caller whom it proves. Raises Unauthenticated."""


class _Route:
    """An endpoint, and who answers it."""

    def __init__(self, endpoint: Endpoint[Any, Any], handler: Callable[[Any], Awaitable[BaseModel]]) -> None:
        self.endpoint = endpoint
        self.described = Described(endpoint)
        endpoint.contract_hash()  # now, so that it is there when discovery asks
        self.handler = handler
        self.read = endpoint.requests.validator.validate_json
        self.write = endpoint.replies.serializer.to_json


def _too_large(endpoint: Endpoint[Any, Any]) -> TooLarge:
    return TooLarge("request_too_large", f"a request to {endpoint.subject} has at most {endpoint.max_request} bytes")


class _Request(NamedTuple):
    """A message that was taken in, on the way to its answer."""

    route: _Route
    message: Message
    received: float
    context: Context
    fault: Fault | None
    """What is wrong with its headers."""

    def time_left(self) -> float:
        """Seconds until its deadline, when it came."""
        return self.context.deadline - self.received


class Service:
    """Answers endpoints over a transport, discoverable by ADR-32.

    At most `concurrency` handlers run at once, over all endpoints; `queue_size` further requests wait; whoever comes
    after them hears `overloaded` at once. `verify` is asked on endpoints that are declared `verified`.
    `clock` tells Unix time; callers' may differ.
    """

    def __init__(  # noqa: PLR0913  # each by name, and all but the bounds needed
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
    ) -> None:
        self.identity = Identity(name, secrets.token_hex(8), version, description)
        self.tracer: Tracer | None = None
        """Traces requests whose callers do; whoever runs the process sets it before the start."""
        self._transport = transport
        self._verify = verify
        self._concurrency = concurrency
        self._routes: list[_Route] = []
        self._loop: asyncio.AbstractEventLoop  # from the start on; kept, since to ask for it costs a system call
        self._log = log  # from the start on bound: one that is not asks how it is configured at each line
        self._membership = Membership(transport)
        self._backlog = Backlog[_Request](handlers=concurrency, size=queue_size)
        self._deadlines: Deadlines  # from the start on
        self._clock = clock
        self._clocks: Clocks  # from the start on
        self._running = 0
        self._errands: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    def add(self, endpoint: Endpoint[Req, Rep], handler: Handler[Req, Rep]) -> None:
        """Have `handler` answer the endpoint; the types must be the endpoint's."""
        if endpoint.service != self.identity.name:
            raise ValueError(f"{endpoint.subject} belongs to {endpoint.service}, not to {self.identity.name}")
        self._routes.append(_Route(endpoint, handler))

    async def start(self) -> None:
        """Take requests from here on. Raises Refused where NATS does not allow a subscription."""
        self._loop = asyncio.get_running_loop()
        self._log = log.bind()
        self._deadlines = Deadlines()
        self._clocks = Clocks(self._loop.time(), self._clock)
        await self._membership.join(
            {subject: partial(self._tell, verb) for verb in VERBS for subject in self.identity.subjects(verb)},
            {route.endpoint.subject: partial(self._take, route) for route in self._routes},
        )
        log.info("service_started", service=self.identity.name, id=self.identity.id, endpoints=len(self._routes))

    async def pause(self, reason: str) -> None:
        """Leave the requests to other instances until `resume`; what was taken is answered, and so is discovery."""
        await self._membership.pause(reason)

    async def resume(self, lack: str | None = None) -> None:
        """Take requests again; `lack` says what for not all can be done. Raises Disconnected."""
        await self._membership.resume(lack)

    async def drain(self) -> None:
        """Take nothing new, finish and answer everything that was taken.

        The order loses nothing: end the interest and wait until all that was routed here is in, then wait for the
        handlers (each ends by its deadline), then have the server confirm the answers.
        """
        await self._membership.leave()
        await self._idle.wait()
        await asyncio.gather(*self._errands)
        try:
            await self._transport.flush()
        except Disconnected:
            log.warning("drained_without_nats")
        log.info("service_drained", service=self.identity.name)

    @property
    def running(self) -> int:
        """Handlers at work now."""
        return self._running

    @property
    def queued(self) -> int:
        """Requests that wait for a handler now."""
        return len(self._backlog)

    def _take(self, route: _Route, message: Message) -> None:
        if not message.reply.startswith(names.INBOX_PREFIX):
            # Without a reply subject nobody learns the outcome; with one that is no inbox, our right to answer would
            # be a way to publish anywhere.
            log.warning("request_without_inbox", subject=message.subject)
            return
        received = self._loop.time()
        context, fault = arrival.read(message, route.endpoint.timeout, received, self._clocks)
        if self.tracer is not None and context.trace:
            context = self.tracer.in_worker(context, message.subject)
        request = _Request(route, message, received, context, fault)
        if len(message.payload) > route.endpoint.max_request:
            self._errand(self._refuse(request, _too_large(route.endpoint)))
        elif self._running < self._concurrency:
            self._run(request)
        elif (reason := self._backlog.refusal(request.time_left())) is not None:
            busy = f"{self.identity.name} has all its handlers at work, and as many requests waiting as it can serve"
            self._errand(self._refuse(request, Unavailable(reason, busy)))
        else:
            self._backlog.append(request)

    def _run(self, request: _Request) -> None:
        self._running += 1
        self._idle.clear()
        self._loop.create_task(self._work(request))  # kept by what it waits for, and by self._deadlines

    def _finished(self) -> None:
        self._running -= 1
        if (waiting := self._backlog.next()) is not None:
            self._run(waiting)
        elif not self._running:
            self._idle.set()

    async def _work(self, request: _Request) -> None:
        """Answer a request, whatever becomes of it, and let the next one in."""
        route, message, _, context, fault = request
        started = time.perf_counter_ns()
        begin(context)
        if fault is None and context.deadline <= self._loop.time():
            fault = deadline_passed("the deadline passed before the work began")
        begun = fault is None
        try:
            try:
                if begun:
                    body = await self._reply(request)
                    await self._transport.publish(message.reply, body, {names.REQUEST_ID: context.request_id})
            except Fault as error:
                fault = error.with_traceback(None)  # which holds this frame, and so the fault itself: a cycle
            except Disconnected:
                log.warning("answer_not_sent", subject=message.subject)
            elapsed = time.perf_counter_ns() - started
            if begun:  # what was dropped tells nothing of the time that work takes
                self._backlog.learn(elapsed / 1e9)
            route.described.stats.count(elapsed, f"{fault.code.number}: {fault.detail}" if fault else None)
            self._log.info(
                "request",
                subject=message.subject,
                outcome=fault.code.value if fault else "ok",
                ms=round(elapsed / 1e6, 2),
            )
            if context.span is not None:
                context.span.served(fault)
            if fault is not None:
                await self._send_fault(message, fault, context.request_id)
        except Exception:  # nobody waits for this task, and the next request must not suffer
            log.exception("answer_failed")
        finally:
            self._finished()

    async def _reply(self, request: _Request) -> bytes:
        """The reply's bytes. Raises the Fault that the caller shall hear; TimedOut at the deadline."""
        route, message, context = request.route, request.message, request.context
        task = self._deadlines.begin(context.deadline)
        try:
            try:
                payload = route.read(message.payload or b"{}")
            except ValidationError as error:
                raise validation.invalid_payload(error) from None
            if route.endpoint.verified:
                begin(await self._verified(route.endpoint, context))
            return route.write(await route.handler(payload))
        except BaseException as error:
            if self._deadlines.over(task):
                raise deadline_passed("the deadline passed before the work was done") from error
            if isinstance(error, CallError):
                raise passed_on(error) from error
            if isinstance(error, Fault) or not isinstance(error, Exception):
                raise
            raise bug(message.subject, error) from error
        finally:
            self._deadlines.end(task)

    async def _verified(self, endpoint: Endpoint[Any, Any], context: Context) -> Context:
        """The context with its caller, where the token proves one."""
        try:
            caller = await self._verify(context.authorization or "")
        except Unauthenticated as error:
            if endpoint.access is Access.ANYONE:
                return context  # a handler that needs the caller after all says so: context.caller()
            if context.authorization is None:
                raise Unauthenticated("token_required", "an access token is needed here") from error
            raise
        demand(endpoint.access, caller)
        return context._replace(caller=caller)

    async def _refuse(self, request: _Request, fault: Fault) -> None:
        request.route.described.stats.count(0, f"{fault.code.number}: {fault.detail}")
        begin(request.context)
        if request.context.span is not None:
            request.context.span.served(fault)
        await self._send_fault(request.message, fault, request.context.request_id)

    async def _send_fault(self, message: Message, fault: Fault, request_id: str) -> None:
        headers, body = problem.error_reply(fault, request_id)
        try:
            await self._transport.publish(message.reply, body, headers)
        except (Disconnected, TooLarge) as error:
            log.warning("answer_not_sent", subject=message.subject, error=str(error))

    def _tell(self, verb: str, message: Message) -> None:
        if message.reply.startswith(names.INBOX_PREFIX):
            described = [route.described for route in self._routes]
            document = self.identity.document(verb, described, self._membership.metadata)
            self._errand(self._send_document(message.reply, json.dumps(document).encode()))

    async def _send_document(self, reply: str, body: bytes) -> None:
        try:
            await self._transport.publish(reply, body)
        except (Disconnected, TooLarge) as error:
            log.warning("answer_not_sent", subject="$SRV", error=str(error))

    def _errand(self, sending: Awaitable[None]) -> None:
        """An answer that needs no handler; kept, so that drain() waits for it."""
        task = asyncio.ensure_future(sending)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)
