"""The faults that a caller receives for exceptions that are not faults."""

from typing import Any

import structlog

from mesh.core.endpoint import Endpoint
from mesh.core.errors import (
    CallError,
    DeadlineExceeded,
    Fault,
    Internal,
    Overloaded,
    Refused,
    RemoteFault,
    TimedOut,
    Unavailable,
)

log = structlog.get_logger()


def passed_on(error: CallError) -> Fault:
    """The fault for our caller when a service that we called fails."""
    match error:
        case DeadlineExceeded():
            return TimedOut("dependency_timeout", "a service that this one depends on did not answer in time")
        case Overloaded():
            return _unavailable()
        case RemoteFault() | Refused():
            log.error("dependency_fault", exc_info=error)
            return Internal()
        case _:
            return _unavailable()


def _unavailable() -> Unavailable:
    return Unavailable("dependency_unavailable", "a service that this one depends on is not available")


def database_unavailable(detail: str) -> Unavailable:
    """The fault for a database that does not answer."""
    return Unavailable("database_unavailable", detail)


def database_read_only(detail: str) -> Unavailable:
    """The fault for a read-only database. Nothing was written."""
    return Unavailable("database_read_only", detail)


def deadline_passed(detail: str) -> TimedOut:
    """The fault for work that its deadline ended."""
    return TimedOut("deadline_exceeded", detail)


def declared(endpoint: Endpoint[Any, Any], fault: Fault) -> Fault:
    """The fault, if the endpoint may answer with its reason and code; otherwise log it once, as a bug."""
    if endpoint.codes.get(fault.reason) is fault.code:
        return fault
    log.error(
        "undeclared_fault", subject=endpoint.subject, code=fault.code.value, reason=str(fault.reason), exc_info=fault
    )
    return Internal()


def bug(subject: str, error: Exception) -> Internal:
    """Log an unexpected exception once. Its text is not sent to the caller."""
    log.error("handler_failed", subject=subject, exc_info=error)
    return Internal()
