"""The wire contract in code: header names, problem documents, deadlines (docs/wire.md)."""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from mesh.errors import (
    BadReply,
    Code,
    DeadlineExceeded,
    Fault,
    FieldError,
    Invalid,
    Overloaded,
    RemoteFault,
)
from mesh.reading import Reader, Unreadable

REQUEST_ID: Final = "X-Request-Id"
REQUEST_TIMEOUT: Final = "Request-Timeout"
REQUEST_DEADLINE: Final = "Request-Deadline"
IDEMPOTENCY_KEY: Final = "Idempotency-Key"
AUTHORIZATION: Final = "Authorization"
CLIENT_ADDRESS: Final = "Client-Address"
CONTENT_TYPE: Final = "Content-Type"
TRACE_HEADERS: Final = ("traceparent", "tracestate", "baggage")
ERROR: Final = "Nats-Service-Error"
ERROR_CODE: Final = "Nats-Service-Error-Code"
NAMES: Final = (
    REQUEST_ID,
    REQUEST_TIMEOUT,
    REQUEST_DEADLINE,
    IDEMPOTENCY_KEY,
    AUTHORIZATION,
    CLIENT_ADDRESS,
    CONTENT_TYPE,
    *TRACE_HEADERS,
    ERROR,
    ERROR_CODE,
)
"""The headers of the contract. In whatever case one is sent, a message has it as it is written here."""

PROBLEM_JSON: Final = "application/problem+json"
QUEUE_GROUP: Final = "q"
INBOX_PREFIX: Final = "_INBOX_"

MOST_FIELD_ERRORS: Final = 20
_MOST_MISTAKES = 1000
"""Of a payload, to be told at all: to describe the thousands that some bodies have takes longer than to find them."""
_LONGEST_FIELD = 100
_LONGEST_MILLISECONDS = 15
_KEY = re.compile(r"[ -~]{1,255}")

MAX_PROBLEM: Final = 64 * 1024
"""Bytes of an error's body; a longer one is passed over."""
MAX_RETRY_AFTER: Final = 86_400
"""Seconds for which a worker may send a client away."""


class Problem(BaseModel):
    """The body of an error: RFC 9457, with members of our own after `status`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: str
    title: str
    status: int
    code: str
    reason: str
    detail: str
    retryable: bool
    errors: tuple[FieldError, ...] = ()
    request_id: str | None = None
    retry_after: int | None = None
    """Seconds; left out where nobody knows."""

    @classmethod
    def of(  # noqa: PLR0913  # as many as the document has members
        cls,
        code: Code,
        reason: str,
        detail: str,
        *,
        request_id: str,
        errors: Iterable[FieldError] = (),
        status: int | None = None,
        retry_after: int | None = None,
    ) -> "Problem":
        """The problem that says so; `status` where HTTP's differs from the wire's number."""
        return cls(
            type=f"urn:northwind-mesh:problem:{code}",
            title=code.summary,
            status=status or code.number,
            code=code,
            reason=reason,
            detail=detail,
            retryable=code.retryable,
            errors=tuple(errors),
            request_id=request_id,
            retry_after=retry_after,
        )

    def json_bytes(self) -> bytes:
        """The document, without what is not known."""
        return self.model_dump_json(exclude_none=True).encode()


class _Told(BaseModel):
    """What a caller takes from the body of an error: another process wrote it, and parts of it become headers."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    reason: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    detail: str
    errors: tuple[FieldError, ...] = ()
    retry_after: Annotated[int | None, Field(strict=True, ge=0, le=MAX_RETRY_AFTER)] = None


_read_told = Reader(_Told, MAX_PROBLEM)


def error_reply(fault: Fault, request_id: str) -> tuple[dict[str, str], bytes]:
    """The headers and the body of an error reply."""
    problem = Problem.of(
        fault.code,
        fault.reason,
        fault.detail,
        request_id=request_id,
        errors=fault.errors,
        retry_after=fault.retry_after,
    )
    headers = {
        ERROR_CODE: str(fault.code.number),
        ERROR: one_line(fault.detail),
        CONTENT_TYPE: PROBLEM_JSON,
        REQUEST_ID: request_id,
    }
    return headers, problem.json_bytes()


def read_error(number: str, body: bytes) -> RemoteFault | BadReply:
    """The error that a reply with the header `Nats-Service-Error-Code` stands for.

    Only the header says that it is one; the body adds what it knows, and one that does not fit is passed over. A worker
    in another language may leave the body out or use a number that we do not know.
    """
    code = _CODES.get(number)
    if code is None:
        return BadReply(f"an error reply with the unknown code {one_line(number[:20])!r}")
    kind = _KINDS.get(code, RemoteFault)
    try:
        told = _read_told(body)
    except Unreadable:
        return kind(code, code.value, code.summary)
    return kind(code, told.reason, told.detail, told.errors[:MOST_FIELD_ERRORS], told.retry_after)


def takes_no_more(headers: Mapping[str, str]) -> bool:
    """Whether a reply with these headers says `overloaded`."""
    return headers.get(ERROR_CODE) == _OVERLOADED


_OVERLOADED: Final = str(Code.OVERLOADED.number)
_CODES = {str(code.number): code for code in Code}
_KINDS: dict[Code, type[RemoteFault]] = {Code.OVERLOADED: Overloaded, Code.DEADLINE_EXCEEDED: DeadlineExceeded}


def invalid_payload(error: ValidationError) -> Invalid:
    """A payload that does not fit, with each wrong field named and nothing of what was sent repeated."""
    if (mistakes := error.error_count()) > _MOST_MISTAKES:
        return Invalid("invalid_payload", f"the payload has {mistakes} mistakes")
    errors = [
        FieldError(field=field_path(one["loc"]), reason=one["type"], message=message(one))
        for one in error.errors(include_url=False, include_context=False, include_input=False)[:MOST_FIELD_ERRORS]
    ]
    if errors[0].reason == "json_invalid":
        return Invalid("malformed_json", errors[0].message)
    names = ", ".join(dict.fromkeys(one.field for one in errors if one.field))
    return Invalid("invalid_payload", f"the payload does not fit: {names}" if names else errors[0].message, errors)


def message(error: Mapping[str, Any]) -> str:
    """What pydantic says of a value; a validator's own words without its introduction."""
    said: str = error["msg"]
    return said.removeprefix("Value error, ")


def field_path(parts: Iterable[str | int]) -> str:
    """A field's way through a payload: `patch.city`, `customer_ids.3`; unprintable characters are shown escaped."""
    path = ".".join(map(str, parts))[:_LONGEST_FIELD]
    return path if path.isprintable() else path.encode("unicode_escape").decode()


def deadline(headers: Mapping[str, str], timeout: float, now: float, waited: Callable[[float], float]) -> float:
    """When an answer is no longer of use, on the clock that says `now`; never later than the endpoint's own timeout.

    `waited`: how many seconds a request was on its way that was sent at such a moment of its caller's clock, in Unix
    time. With both headers we know that moment, and so need no clock that agrees with ours.

    Raises Invalid for a header that is not a whole number of milliseconds.
    """
    given = _milliseconds(headers, REQUEST_TIMEOUT)
    until = _milliseconds(headers, REQUEST_DEADLINE)
    if given is None:
        return now + (timeout if until is None else min(timeout, until - time.time()))
    return now + min(timeout, given if until is None else given - waited(until - given))


def deadline_headers(remaining: float, now: float) -> dict[str, str]:
    """The headers that say that an answer is of use for so many seconds from `now`, which is Unix time."""
    milliseconds = round(remaining * 1000)
    return {REQUEST_TIMEOUT: str(milliseconds), REQUEST_DEADLINE: str(round(now * 1000) + milliseconds)}


def idempotency_key(headers: Mapping[str, str]) -> str | None:
    """The key that the request came with. Raises Invalid for one that does not fit."""
    key = headers.get(IDEMPOTENCY_KEY)
    if key is None or _KEY.fullmatch(key):
        return key
    raise Invalid.field(IDEMPOTENCY_KEY, "invalid_header", "must be 1 to 255 printable ASCII characters")


def client_address(headers: Mapping[str, str]) -> str | None:
    """The end user's IP address, as the gateway saw it; None where nobody says, or what is said is none."""
    text = headers.get(CLIENT_ADDRESS)
    address = None if text is None else address_in(text)
    return None if address is None else str(address)


def address_in(text: str) -> IPv4Address | IPv6Address | None:
    """The IP address, of IPv4 also where a socket of IPv6 writes it as one of its own; None for what is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _milliseconds(headers: Mapping[str, str], name: str) -> float | None:
    """The header's value in seconds; None where it is not there."""
    if (text := headers.get(name)) is None:
        return None
    if text.isascii() and text.isdigit() and len(text) <= _LONGEST_MILLISECONDS:
        return int(text) / 1000
    raise Invalid.field(name, "invalid_header", "must be a whole number of milliseconds")


def one_line(text: str) -> str:
    """The text as a header may carry it: printable ASCII on one line."""
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in text)
