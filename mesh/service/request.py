"""What the headers of a request tell a worker, read once, as it arrives."""

from mesh.core.context import NO_TRACE, Context, request_id_from
from mesh.core.errors import Fault
from mesh.service.clocks import Clocks
from mesh.transport.base import Message
from mesh.wire import names, request_headers

_TRACE = frozenset(names.TRACE_HEADERS)


def read(message: Message, timeout: float, now: float, clocks: Clocks) -> tuple[Context, Fault | None]:
    """The request's context, and what is wrong with its headers, for the caller to hear in its turn.

    `timeout`: the endpoint's, in seconds. The deadline is found out now: later on, what the wire says in Unix time
    would count a wait in the queue twice. All inboxes of one connection have their last token alone for themselves.
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
        fault = error.with_traceback(None)  # which holds this frame, and so the fault itself: a cycle
    context = Context(
        request_id_from(headers.get(names.REQUEST_ID)),
        deadline,
        authorization=headers.get(names.AUTHORIZATION),
        trace=NO_TRACE if _TRACE.isdisjoint(headers) else {n: headers[n] for n in names.TRACE_HEADERS if n in headers},
        idempotency_key=key,
        client_address=request_headers.client_address(headers),
    )
    return context, fault
