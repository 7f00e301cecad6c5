"""Puts a read that serves many callers into the trace of one of them."""

from contextlib import AbstractContextManager

from mesh.core import context
from mesh.core.context import NO_DEADLINE, Context, working_on


def trace_read() -> AbstractContextManager[None] | None:
    """A context for a read that belongs to the trace of the current request; None if the request is not traced.

    The read inherits neither the request's caller nor its deadline.
    """
    request = context.current()
    if request is None or request.span is None:
        return None
    return working_on(Context(request.request_id, NO_DEADLINE, span=request.span))
