"""Reads the headers of a request once, when it arrives."""

from typing import Any

from mesh.core.context import NO_TRACE, Context, request_id_from
from mesh.core.endpoint import Endpoint
from mesh.core.errors import Fault, Invalid
from mesh.service.clocks import Clocks
from mesh.transport.base import Message
from mesh.wire import names, request_headers
from mesh.wire.headers import UNREADABLE

_TRACE = frozenset(names.TRACE_HEADERS)


def read_headers(
    message: Message, endpoint: Endpoint[Any, Any], now: float, clocks: Clocks
) -> tuple[Context, Fault | None]:
    """The request's context, and the fault in its headers, if any, for the reply.

    An endpoint that keeps no Idempotency-Keys does not read one. The deadline is computed when the request arrives:
    later, it would count the time in the queue twice. The inboxes of one connection differ only in their last token, so
    the rest identifies the caller.
    """
    headers, timeout = message.headers, endpoint.timeout
    deadline, key, fault = now + timeout, None, None
    try:
        if UNREADABLE in headers:
            raise Invalid("invalid_header", f"the request has {headers[UNREADABLE]}")
        caller = message.reply.rpartition(".")[0]
        deadline = request_headers.deadline(
            headers, timeout, now, lambda sent: clocks.waited(caller, message.subject, sent, now)
        )
        if endpoint.keyed:
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
