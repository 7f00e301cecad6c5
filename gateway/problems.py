"""Maps every error to HTTP: a table of codes, a table of failed calls, and the handler that responds with them."""

from collections.abc import Mapping
from typing import Final

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gateway.access.rate_limit import after_failure
from gateway.semantics import media_type
from gateway.semantics.conditions import CONDITIONS, current
from gateway.semantics.problem_types import type_of
from mesh.core import context
from mesh.core.errors import (
    BadReply,
    CallError,
    Code,
    Disconnected,
    Fault,
    Internal,
    Invalid,
    MeshError,
    NoResponder,
    NotFound,
    Refused,
    RemoteFault,
)
from mesh.wire import names
from mesh.wire.problem import Problem

log = structlog.get_logger()

STATUS: Final[Mapping[Code, int]] = {
    **{code: code.number for code in Code},
    Code.INTERNAL: 502,  # a bug in the worker; one in the gateway is a 500
}

FINER: Final[Mapping[str, int]] = {
    "invalid_etag": 400,
    "malformed_csv": 400,
    "malformed_json": 400,
    "malformed_request": 400,
    "method_not_allowed": 405,
    "request_timeout": 408,
    "url_too_long": 414,
    "unsupported_media_type": 415,
    media_type.ENCODED: 415,
    "range_not_satisfiable": 416,
    "expectation_failed": 417,
    "misdirected_request": 421,
    "if_match_required": 428,
    "head_too_large": 431,
    "method_not_implemented": 501,
    "http_version_not_supported": 505,
    "unsupported_transfer_coding": 501,
}
"""The gateway's own reasons that have an HTTP status of their own."""

CALL_ERRORS: Final[Mapping[type[CallError], tuple[Code, str, str]]] = {
    NoResponder: (Code.OVERLOADED, "no_responders", "the {service} service is not available"),
    Disconnected: (Code.OVERLOADED, "disconnected", "the gateway cannot reach the {service} service"),
    BadReply: (Code.INTERNAL, "bad_reply", "the {service} service sent an invalid reply"),
    Refused: (Code.INTERNAL, "refused", "the gateway is not allowed to call the {service} service"),
}
"""How a call without a reply is reported. A RemoteFault carries its own code and reason."""

LOST: Final = (
    Code.OVERLOADED,
    "connection_lost",
    "the connection was lost during the call of the {service} service: the outcome is unknown",
)
"""Disconnected after the request was sent. After this 503, as after one of a database, a write may have happened."""

_FIRST_OF_SERVER_ERRORS: Final = 500
RETRY_AFTER: Final = {429: {"Retry-After": "1"}, 503: {"Retry-After": "1"}}


class BodyFault(HTTPException):
    """A fault in the body, raised while it is read. FastAPI passes on only an HTTPException from there."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(_status(fault), fault.detail)
        self.fault = fault


async def answer(request: Request, error: Exception) -> Response:
    """The problem document for an expected error."""
    fault = _fault(error)
    status = _status(fault)
    conditional = not CONDITIONS.isdisjoint(name for name, _ in request.scope["headers"])
    if status == 409 and fault.reason == "version_mismatch" and conditional:  # noqa: PLR2004  # Conflict
        status = 412
    headers = after_failure(fault)
    match status:
        case 412:
            headers |= current(fault.current_version)
        case 401:
            headers |= _challenge(fault.reason)
        case 408 | 413 if isinstance(fault, Fault):
            headers["Connection"] = "close"  # the rest of the body stays unread
        case 415:
            headers |= _what_is_taken(fault.reason, request.method)
    return problem(fault, status, headers)


HANDLERS: Final = dict.fromkeys((MeshError, HTTPException), answer)


def internal_error() -> Response:
    """The problem document for a bug in the gateway: it has the request id and no detail."""
    return problem(Internal(), 500, {})


def refusal(fault: Fault) -> Response:
    """The problem document before a close: where the next message would begin is unknown."""
    status = _status(fault)
    challenge = _challenge(fault.reason) if status == 401 else {}  # noqa: PLR2004  # Unauthorized
    return problem(fault, status, {**challenge, "Connection": "close"})


def _status(fault: Fault | RemoteFault) -> int:
    """The fault's status. For a worker's fault it follows from the code alone, not from the reason."""
    status = STATUS[fault.code]
    return FINER.get(fault.reason, status) if isinstance(fault, Fault) else status


def fault_response(fault: Fault, headers: Mapping[str, str] | None = None) -> Response:
    """The problem document for a fault, whatever the request."""
    return problem(fault, _status(fault), headers or {})


def _what_is_taken(reason: str, method: str) -> dict[str, str]:
    """Headers of a 415: the accepted media types (RFC 9110, section 15.5.16; RFC 5789, section 2.2)."""
    if reason == media_type.ENCODED:
        return {"Accept-Encoding": "identity"}
    if method == "PATCH":
        return {"Accept": media_type.ACCEPT, "Accept-Patch": media_type.ACCEPT_PATCH}
    return {"Accept": media_type.ACCEPT}


def _challenge(reason: str) -> dict[str, str]:
    """Headers of a 401 (RFC 6750, section 3)."""
    presented = reason in ("invalid_token", "token_expired", "session_revoked")
    return {"WWW-Authenticate": 'Bearer error="invalid_token"' if presented else "Bearer"}


def problem(fault: Fault | RemoteFault, status: int, headers: Mapping[str, str]) -> Response:
    """An error response (RFC 9457), with Retry-After if a retry can help."""
    known = context.current()
    errors = (one.model_copy(update={"field": one.field.removeprefix("patch.")}) for one in fault.errors)
    document = Problem.of(
        fault.code,
        fault.reason,
        fault.detail,
        request_id=known.request_id if known else "",
        errors=errors,
        type_=type_of(fault.reason, fault.code),
        status=status,
        retry_after=fault.retry_after,
        attempts=fault.attempts,
        current_version=fault.current_version,
    )
    soon = RETRY_AFTER.get(status, {}) if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    return Response(document.json_bytes(), status, {**soon, **headers}, names.PROBLEM_JSON)


def _fault(error: Exception) -> Fault | RemoteFault:
    match error:
        case Fault() | RemoteFault():
            return error
        case BodyFault():
            return error.fault
        case CallError():
            return _failed_call(error)
        case HTTPException(status_code=404):
            return NotFound("unknown_path", "no resource at this path")
        case HTTPException(status_code=status) if status < _FIRST_OF_SERVER_ERRORS:
            return Invalid("malformed_request", "the request is malformed")
        case _:
            raise error


def _failed_call(error: CallError) -> RemoteFault:
    sent = isinstance(error, Disconnected) and error.sent
    code, reason, detail = LOST if sent else CALL_ERRORS[type(error)]
    service = error.subject.partition(".")[0] if error.subject else "asked"
    if code is Code.INTERNAL:
        log.error(reason, peer=service, error=str(error))
    return RemoteFault(code, reason, detail.format(service=service))
