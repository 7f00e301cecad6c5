"""The current request: caller, deadline, ids and trace, available to all code that works on it."""

import math
import random
import re
from asyncio import get_running_loop
from collections.abc import Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from mesh.core.errors import Fault, Unauthenticated

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


@dataclass(frozen=True, slots=True)
class Caller:
    """The end user of a verified access token."""

    user_id: str
    session_id: str
    roles: frozenset[str]


NO_TRACE: Final[Mapping[str, str]] = {}
NO_DEADLINE: Final = math.inf
"""The deadline of work that nobody waits for."""


class Span(Protocol):
    """The span of one traced request in this process; ended exactly once."""

    trace_id: str

    def call(self, current: "Context", subject: str) -> AbstractContextManager[None]:
        """Open a child span for a call within the request."""

    def headers(self, current: "Context") -> Mapping[str, str]:
        """The trace headers that make what follows a child of this span."""

    def step(self, current: "Context", name: str, **about: str) -> AbstractContextManager[None]:
        """Open a child span for a step of the request that leaves the process; `about` has its attributes."""

    def created(self, current: "Context", subject: str, event_id: str) -> Mapping[str, str]:
        """Record that the request creates an event. Returns the event's trace headers."""

    def sent(self, subject: str, event_id: str) -> AbstractContextManager[None]:
        """Open a child span for an event on its way to the stream."""

    def statement(self, about: Mapping[str, str], started: int, ended: int, failure: str | None) -> None:
        """Record a statement on a database with its attributes. `started` and `ended` are Unix nanoseconds."""

    def waited(self, seconds: float) -> None:
        """Record that the request has waited so long for a handler until now."""

    def failed(self, error: BaseException) -> None:
        """Record an exception: its type and where it was raised, without its message."""

    def answered(self, method: str, route: str | None, status: int | None) -> None:
        """End the span with the HTTP status, or None if the process ends first. `route` is the path template."""

    def served(self, fault: Fault | None) -> None:
        """End the span with the fault in the reply; None for success."""

    def handled(self, failure: str | None) -> None:
        """End with the reason why the handler of an event failed, or None."""


class Context(NamedTuple):
    """One request: its caller, its deadline, and what nested calls inherit."""

    request_id: str
    deadline: float
    """In the event loop's time (`loop.time()`), which does not jump."""
    authorization: str | None = None
    caller: Caller | None = None
    trace: Mapping[str, str] = NO_TRACE
    """The W3C trace headers as received."""
    idempotency_key: str | None = None
    """Identifies repetitions of the same request, which must not execute again."""
    client_address: str | None = None
    """The end user's IP address, as seen by the gateway."""
    span: Span | None = None
    """The request's span in this process; None if it is not traced."""

    @property
    def trace_id(self) -> str | None:
        """The id of the request's trace; None if it is not traced."""
        return None if self.span is None else self.span.trace_id

    def remaining(self) -> float:
        """Seconds until the deadline; negative once it has passed."""
        return self.deadline - get_running_loop().time()


_current: ContextVar[Context | None] = ContextVar("mesh_context", default=None)


def current() -> Context | None:
    """The request that this task works on, or None."""
    return _current.get()


def remaining() -> float | None:
    """Seconds until the deadline of this request, negative once it has passed; None without a deadline."""
    context = _current.get()
    return None if context is None or context.deadline == NO_DEADLINE else context.remaining()


def span() -> Span | None:
    """The span of this request; None if it is not traced, and outside of a request."""
    context = _current.get()
    return None if context is None else context.span


def caller() -> Caller:
    """The verified end user of this request.

    Raises Unauthenticated if the request has no token.
    """
    context = _current.get()
    if context is None or context.caller is None:
        raise Unauthenticated("token_required", "an access token is required")
    return context.caller


def begin(context: Context) -> None:
    """Make `context` the current request for the rest of this task."""
    _current.set(context)


class _Current:
    """Makes `context` the current request while it is open; @contextmanager would cost a generator per request."""

    __slots__ = ("_context", "_token")

    def __init__(self, context: Context) -> None:
        self._context = context

    def __enter__(self) -> None:
        self._token = _current.set(self._context)

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)


def working_on(context: Context) -> AbstractContextManager[None]:
    """Make `context` the current request."""
    return _Current(context)


def in_request() -> Context:
    """The current request. Raises RuntimeError outside of one."""
    if (context := _current.get()) is None:
        raise RuntimeError("no request is being handled")
    return context


def keyed(key: str) -> AbstractContextManager[None]:
    """Send this Idempotency-Key with the calls that the current request makes. Raises RuntimeError outside of one."""
    return _Current(in_request()._replace(idempotency_key=key))


def request_id_from(text: str | None) -> str:
    """The given request id if it is valid, or a new one.

    A request id is no secret, so a new one is made without a system call.
    """
    return text if text and _REQUEST_ID.fullmatch(text) else f"{random.getrandbits(128):032x}"
