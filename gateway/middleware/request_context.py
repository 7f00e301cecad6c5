"""The outermost middleware: request id, deadline, access log, and the last handler of exceptions."""

import asyncio
import re
import time
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.measures import HttpMeasures
from gateway.middleware.client_address import ClientAddresses
from gateway.networks import Network
from gateway.problems import internal_error
from gateway.semantics.fields import fields
from mesh.core.context import NO_TRACE, Context, begin, request_id_from, working_on
from mesh.core.loop_time import LoopTime
from mesh.telemetry.logs import REDACTED
from mesh.telemetry.probes import PROBES
from mesh.wire.names import AUTHORIZATION, IDEMPOTENCY_KEY, REQUEST_ID, TRACE_HEADERS

if TYPE_CHECKING:
    from mesh.telemetry.tracing import Tracer

log = structlog.get_logger()

_REQUEST_ID, _AUTHORIZATION, _IDEMPOTENCY_KEY = (
    name.lower().encode() for name in (REQUEST_ID, AUTHORIZATION, IDEMPOTENCY_KEY)
)
_TRACE: Final = {name.lower().encode(): name for name in TRACE_HEADERS}
# The headers that OWASP's REST Security Cheat Sheet asks for. HSTS is for the proxy that ends TLS.
_SECURITY: Final = [
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
]
# No cache keeps a response for one user (RFC 9111, section 5.2.2), unless it has an ETag to revalidate it by.
_NO_STORE: Final = (b"cache-control", b"no-store")
_REVALIDATE: Final = (b"cache-control", b"private, no-cache")
DISCONNECTED: Final = "client_disconnected"
"""The message with which the request of a disconnected client is cancelled."""

_CLIENT_CLOSED_REQUEST = 499  # nginx's number, used in the log only
_LONGEST_PATH = 200
_LONGEST_PATH_READ = 2000
_LONGEST_ID = 32
"""Characters of an id, the longest value in a path of ours; refresh tokens and most keys are longer."""
_SECRET = re.compile(r"eyJ[\w-]{4}|bearer\W|(?:passw|secret|token|key)\w*[=:]", re.IGNORECASE)
"""The start of a JWT, or a word that introduces a secret."""
_LONGEST_TRACE = 512  # W3C: at least this much should be propagated


class RequestContext:
    """Makes each HTTP request the current request of the mesh. `timeout` is in seconds.

    `proxies`: whose X-Forwarded-For is trusted. `tracer`: None disables tracing. `measures`: None measures nothing.
    """

    def __init__(
        self,
        app: ASGIApp,
        timeout: float,
        proxies: Sequence[Network] = (),
        tracer: "Tracer | None" = None,
        measures: HttpMeasures | None = None,
    ) -> None:
        self._app = app
        self._timeout = timeout
        self._time = LoopTime()
        self._addresses = ClientAddresses(proxies)
        self._tracer = tracer
        self._measures = measures
        self._log: Any = None
        """Bound by the first line: an unbound logger reads its configuration at each one."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        context = self._context(scope)
        if self._tracer is not None and scope["path"] not in PROBES:
            context = self._tracer.at_edge(context)
        prepared = prepared_headers(context.request_id)
        status: int | None = None

        def send_prepared(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message["headers"]
                caching = _caching(headers) if context.authorization is not None else ()
                message["headers"] = [*headers, *caching, *prepared]
            return send(message)

        if self._measures is not None:
            self._measures.active += 1
        started = time.perf_counter()
        with working_on(context):
            try:
                await self._app(scope, receive, send_prepared)
            except asyncio.CancelledError as cancelled:
                if DISCONNECTED not in cancelled.args:
                    raise
                log.info(DISCONNECTED)
                status = _CLIENT_CLOSED_REQUEST
            except Exception as error:
                log.exception("request_failed")
                _record(context, error)
                if status is not None:
                    raise  # the response has begun: the server closes the connection
                await internal_error()(scope, receive, send_prepared)
            finally:
                self._ended(scope, context, status, time.perf_counter() - started)

    def _ended(self, scope: Scope, context: Context, status: int | None, seconds: float) -> None:
        method, template = scope["method"], _template(scope)
        ms = round(seconds * 1000, 2)
        if self._tracer is not None and context.span is None:
            context = self._tracer.at_end(context, status, seconds)
            if context.span is not None:
                begin(context)  # the log line names the trace
        if self._log is None:
            self._log = log.bind()
        self._log.info("request", method=method, path=template or _path(scope["path"]), status=status, ms=ms)
        if self._measures is not None:
            self._measures.ended(method, template, status, seconds, context.trace_id)
        if context.span is not None:
            context.span.answered(method, template, status)

    def _context(self, scope: Scope) -> Context:
        sent = fields(scope)
        return Context(
            request_id_from(_text(sent.get(_REQUEST_ID))),
            self._time.now() + self._timeout,
            authorization=_text(sent.get(_AUTHORIZATION)),
            idempotency_key=_text(sent.get(_IDEMPOTENCY_KEY)),
            trace=NO_TRACE if sent.keys().isdisjoint(_TRACE) else _trace(sent),
            client_address=self._addresses.find(scope),
        )


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")


def _trace(sent: Mapping[bytes, bytes]) -> Mapping[str, str]:
    found = {name: sent[field] for field, name in _TRACE.items() if field in sent}
    return {name: value.decode("latin-1") for name, value in found.items() if len(value) <= _LONGEST_TRACE}


def _record(context: Context, error: Exception) -> None:
    if context.span is not None:
        context.span.failed(error)


def _caching(headers: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[bytes, bytes], ...]:
    """Cache headers of a response to an authenticated request, if the route sets none."""
    names = [name for name, _ in headers]
    if b"cache-control" in names:
        return ()
    return (_REVALIDATE,) if b"etag" in names else (_NO_STORE,)


async def last_resort(_: Request, __: Exception) -> Response:
    """The response if this module itself fails. Starlette's would not be a problem document."""
    identified = Context(request_id_from(None), asyncio.get_running_loop().time())
    with working_on(identified):
        response = internal_error()
    response.raw_headers.extend(prepared_headers(identified.request_id))
    return response


def prepared_headers(request_id: str) -> list[tuple[bytes, bytes]]:
    """The headers of every response."""
    return [*_SECURITY, (b"x-request-id", request_id.encode())]


def _path(path: str) -> str:
    """A path without a route, for the log. What looks like a token or key is masked: clients send them by mistake."""
    return "/".join(map(_masked, path[:_LONGEST_PATH_READ].split("/")))[:_LONGEST_PATH]


def _masked(segment: str) -> str:
    return REDACTED if len(segment) > _LONGEST_ID or _SECRET.search(segment) else segment


def _template(scope: Scope) -> str | None:
    """The path of the route, by which log lines and spans are grouped; None without a route."""
    template: str | None = getattr(scope.get("route"), "path", None)
    return template
