"""Every error as HTTP says it: one table of codes, one of failed calls, and the handler that answers with them."""

from collections.abc import Mapping
from typing import Any, Final

import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gateway.access.rate_limit import after_failure
from gateway.dependencies import dependencies
from gateway.routing import media_type
from gateway.routing.conditions import CONDITIONS
from gateway.routing.declarations import declared
from mesh.core import context
from mesh.core.errors import (
    BadReply,
    CallError,
    Code,
    Disconnected,
    Fault,
    FieldError,
    Internal,
    Invalid,
    MeshError,
    NoResponder,
    NotFound,
    Refused,
    RemoteFault,
    TimedOut,
    TooLarge,
    Unavailable,
)
from mesh.wire import names, validation
from mesh.wire.problem import Problem

log = structlog.get_logger()

STATUS: Final[Mapping[Code, int]] = {
    Code.INVALID_ARGUMENT: 422,
    Code.UNAUTHENTICATED: 401,
    Code.PERMISSION_DENIED: 403,
    Code.NOT_FOUND: 404,
    Code.CONFLICT: 409,
    Code.PAYLOAD_TOO_LARGE: 413,
    Code.RATE_LIMITED: 429,
    Code.OVERLOADED: 503,
    Code.DEADLINE_EXCEEDED: 504,
    Code.INTERNAL: 502,  # the worker's bug: the gateway's own is a 500
}

_FINER: Final[Mapping[str, int]] = {
    "invalid_etag": 400,
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
    "unsupported_transfer_coding": 501,
}
"""Reasons of the gateway's own for which HTTP has a status."""

CALL_ERRORS: Final[Mapping[type[CallError], tuple[Code, str, str]]] = {
    NoResponder: (Code.OVERLOADED, "no_responders", "the {service} service is not available"),
    Disconnected: (Code.OVERLOADED, "disconnected", "the gateway cannot reach the {service} service"),
    BadReply: (Code.INTERNAL, "bad_reply", "the {service} service gave an answer that cannot be understood"),
    Refused: (Code.INTERNAL, "refused", "the gateway is not allowed to ask the {service} service"),
}
"""What a call that brought no answer means to an HTTP client; a RemoteFault says so itself."""

_LOST: Final = (
    Code.OVERLOADED,
    "connection_lost",
    "the connection broke while the {service} service was at work: whether the work was done is unknown",
)
"""Disconnected, where the request had been sent. After this 503, and after a database's, a write may have been done."""

_HTTP_ERRORS: Final[Mapping[int, Fault]] = {
    404: NotFound("unknown_path", "there is nothing at this path"),
    408: TimedOut("request_timeout", "the request's body did not arrive in time"),
    413: TooLarge("body_too_large", "the request's body is too large"),
    503: Unavailable("gateway_busy", "too many passwords are being checked just now"),
}
RETRY_AFTER: Final = {429: {"Retry-After": "1"}, 503: {"Retry-After": "1"}}


async def answer(request: Request, error: Exception) -> Response:
    """The problem that tells an HTTP client of an expected error."""
    fault = _fault(request, error)
    status = _status(fault)
    conditional = not CONDITIONS.isdisjoint(name for name, _ in request.scope["headers"])
    if status == 409 and fault.reason == "version_mismatch" and conditional:  # noqa: PLR2004  # Conflict
        status = 412
    headers = after_failure(fault, dependencies(request).login_attempts)
    match status:
        case 401:
            headers |= _challenge(fault.reason)
        case 408 | 413 if isinstance(fault, Fault):
            headers["Connection"] = "close"  # what is left of the body is not read
        case 415:
            headers |= _what_is_taken(fault.reason, request.method)
    return problem(fault, status, headers)


HANDLERS: Final = dict.fromkeys((MeshError, RequestValidationError, HTTPException), answer)


def internal_error() -> Response:
    """The problem that tells of a bug in the gateway: the request id, and nothing else."""
    return problem(Internal(), 500, {})


def refusal(fault: Fault) -> Response:
    """The problem that ends a connection, since nobody knows what would come next on it."""
    status = _status(fault)
    challenge = _challenge(fault.reason) if status == 401 else {}  # noqa: PLR2004  # Unauthorized
    return problem(fault, status, {**challenge, "Connection": "close"})


def _status(fault: Fault | RemoteFault) -> int:
    """The fault's status. A worker's is that of its code: its `reason` is for programs, and moves no status."""
    status = STATUS[fault.code]
    return _FINER.get(fault.reason, status) if isinstance(fault, Fault) else status


def told(fault: Fault, headers: Mapping[str, str] | None = None) -> Response:
    """The problem that tells of a fault whatever the request was."""
    return problem(fault, _status(fault), headers or {})


def _what_is_taken(reason: str, method: str) -> dict[str, str]:
    """What an answer with 415 says of bodies that are read (RFC 9110, section 15.5.16; RFC 5789, section 2.2)."""
    if reason == media_type.ENCODED:
        return {"Accept-Encoding": "identity"}
    if method == "PATCH":
        return {"Accept": media_type.ACCEPT, "Accept-Patch": media_type.ACCEPT_PATCH}
    return {"Accept": media_type.ACCEPT}


def _challenge(reason: str) -> dict[str, str]:
    """What an answer with 401 must say (RFC 6750, section 3)."""
    presented = reason in ("invalid_token", "token_expired", "session_revoked")
    return {"WWW-Authenticate": 'Bearer error="invalid_token"' if presented else "Bearer"}


def problem(fault: Fault | RemoteFault, status: int, headers: Mapping[str, str]) -> Response:
    """An error response (RFC 9457), which says when to come again where that helps."""
    current = context.current()
    errors = (one.model_copy(update={"field": one.field.removeprefix("patch.")}) for one in fault.errors)
    document = Problem.of(
        fault.code,
        fault.reason,
        fault.detail,
        request_id=current.request_id if current else "",
        errors=errors,
        status=status,
        retry_after=fault.retry_after,
    )
    soon = RETRY_AFTER.get(status, {}) if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    return Response(document.json_bytes(), status, {**soon, **headers}, names.PROBLEM_JSON)


def _fault(request: Request, error: Exception) -> Fault | RemoteFault:
    match error:
        case Fault() | RemoteFault():
            return error
        case CallError():
            return _failed_call(request, error)
        case HTTPException():
            return _HTTP_ERRORS.get(
                error.status_code, Invalid("malformed_request", "the request could not be understood")
            )
        case RequestValidationError(body=Fault() as fault):
            return fault  # what is wrong with the body: see JsonRequest
        case RequestValidationError(body=bytes()):
            unread = media_type.unsupported(request.scope["headers"], request.method)
            return unread or Invalid("unsupported_media_type", "the body must be JSON")
        case RequestValidationError():
            return _invalid(error)
        case _:
            raise error


def _failed_call(request: Request, error: CallError) -> RemoteFault:
    sent = isinstance(error, Disconnected) and error.sent
    code, reason, detail = _LOST if sent else CALL_ERRORS[type(error)]
    endpoint = declared(request.scope.get("route"))
    service = endpoint.service if endpoint else "asked"
    if code is Code.INTERNAL:
        log.error(reason, service=service, error=str(error))
    return RemoteFault(code, reason, detail.format(service=service))


def _invalid(error: RequestValidationError) -> Invalid:
    """Each wrong parameter by its name, without what was sent."""
    errors = [_field_error(one) for one in error.errors()[: validation.MOST_FIELD_ERRORS]]
    names = ", ".join(dict.fromkeys(one.field for one in errors))
    return Invalid("invalid_request", f"the request does not fit: {names}", errors)


def _field_error(error: Mapping[str, Any]) -> FieldError:
    where = error["loc"][1:] or error["loc"]  # the first part says query, path or body
    return FieldError(field=validation.field_path(where), reason=error["type"], message=validation.message(error))
