"""What a request carries along with its payload, for whoever works on it in this process."""

import random
import re
from asyncio import get_running_loop
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from mesh.core.errors import Fault, Unauthenticated

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


@dataclass(frozen=True, slots=True)
class Caller:
    """The end user that an access token speaks for, as verified in this process."""

    user_id: str
    session_id: str
    roles: frozenset[str]


NO_TRACE: Final[Mapping[str, str]] = {}


class Span(Protocol):
    """One traced request, as this process works on it; ended exactly once."""

    trace_id: str

    def call(self, current: "Context", subject: str) -> AbstractContextManager[None]:
        """A call within the request, as a span of its own."""

    def answered(self, method: str, route: str | None, status: int | None) -> None:
        """End with HTTP's status, None where there is none since this process ends; `route` is the template."""

    def served(self, fault: Fault | None) -> None:
        """End with what the caller is told."""


class Context(NamedTuple):
    """One request: who asks, until when an answer is of use, and what travels on to nested calls."""

    request_id: str
    deadline: float
    """In the event loop's own time (`loop.time()`), so that a wall clock that jumps does no harm."""
    authorization: str | None = None
    caller: Caller | None = None
    trace: Mapping[str, str] = NO_TRACE
    """The W3C trace headers, as they came."""
    idempotency_key: str | None = None
    """Says that the same request may come again, and shall then do nothing more."""
    client_address: str | None = None
    """The end user's IP address, as the gateway saw it."""
    span: Span | None = None
    """What traces the request in this process; None where it is not traced."""

    def remaining(self) -> float:
        """Seconds until the deadline; negative once it has passed."""
        return self.deadline - get_running_loop().time()


_current: ContextVar[Context | None] = ContextVar("mesh_context", default=None)


def current() -> Context | None:
    """The request that this task works on, or None outside of any."""
    return _current.get()


def remaining() -> float | None:
    """Seconds until the deadline of this request, negative once it has passed; None outside of any."""
    context = _current.get()
    return None if context is None else context.remaining()


def caller() -> Caller:
    """The verified end user of this request.

    Raises Unauthenticated where the request brought no token.
    """
    context = _current.get()
    if context is None or context.caller is None:
        raise Unauthenticated("token_required", "an access token is needed here")
    return context.caller


def begin(context: Context) -> None:
    """Make `context` the current request for the rest of this task."""
    _current.set(context)


@contextmanager
def working_on(context: Context) -> Iterator[None]:
    """Make `context` the current request."""
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)


def request_id_from(text: str | None) -> str:
    """The request id that came along, if it is fit to be logged and sent on; a new one otherwise.

    A new one tells requests apart and is no secret: made without a system call.
    """
    return text if text and _REQUEST_ID.fullmatch(text) else f"{random.getrandbits(128):032x}"
