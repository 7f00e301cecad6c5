"""Reads the headers of a request once, when it arrives."""

from mesh.core.context import NO_TRACE, Context, request_id_from
from mesh.core.errors import Fault
from mesh.service.clocks import Clocks
from mesh.transport.base import Message
from mesh.wire import names, request_headers

_TRACE = frozenset(names.TRACE_HEADERS)


def read_headers(message: Message, timeout: float, now: float, clocks: Clocks) -> tuple[Context, Fault | None]:
    """The request's context, and the fault in its headers, if any, for the reply.

    `timeout` is the endpoint's, in seconds. The deadline is computed when the request arrives: later, it would count
    the time in the queue twice. The inboxes of one connection differ only in their last token, so the rest identifies
    the caller.
    """
    headers = message.headers
    deadline, key, fault = now + timeout, None, None
    try:
        caller = message.reply.rpartition(".")[0]
        deadline = request_headers.deadline(
            headers, timeout, now, lambda sent: clocks.waited(caller, message.subject, sent, now)
        )
        key = request_headers.idempotency_key(headers)
    except Fault as error:
        fault = error.with_traceback(None)  # its traceback refers to this frame: a cycle
    context = Context(
        request_id_from(headers.get(names.REQUEST_ID)),
        deadline,
        authorization=headers.get(names.AUTHORIZATION),
        trace=NO_TRACE if _TRACE.isdisjoint(headers) else {n: headers[n] for n in names.TRACE_HEADERS if n in headers},
        idempotency_key=key,
        client_address=request_headers.client_address(headers),
    )
    return context, fault
