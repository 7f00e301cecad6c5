"""Errors on the wire: problem documents (RFC 9457) and the headers beside them (docs/reference/wire.md)."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from mesh.core.errors import BadReply, Code, DeadlineExceeded, Fault, FieldError, Overloaded, RemoteFault
from mesh.core.reading import Reader, Unreadable
from mesh.wire.names import CONTENT_TYPE, ERROR, ERROR_CODE, PROBLEM_JSON, REQUEST_ID
from mesh.wire.validation import MOST_FIELD_ERRORS

MAX_PROBLEM: Final = 64 * 1024
"""Bytes of an error's body. A longer one is ignored."""
MAX_RETRY_AFTER: Final = 86_400
"""Seconds of the longest `retry_after` that a caller accepts."""
MAX_ATTEMPTS: Final = 1_000_000
MAX_VERSION: Final = 2**31 - 1
REASON_PATTERN: Final = "^[a-z][a-z0-9_]{0,63}$"


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
    """Seconds; absent if unknown."""
    attempts: int | None = None
    """How many attempts are allowed at once; absent if there is no limit."""
    current_version: int | None = None
    """The current version of the resource, if the request expects another one."""

    @classmethod
    def of(  # noqa: PLR0913  # one for each member of the document
        cls,
        code: Code,
        reason: str,
        detail: str,
        *,
        request_id: str,
        errors: Iterable[FieldError] = (),
        type_: str | None = None,
        status: int | None = None,
        retry_after: int | None = None,
        attempts: int | None = None,
        current_version: int | None = None,
    ) -> "Problem":
        """The problem document. `type_` and `status` are set where HTTP's differ from those on the wire."""
        return cls(
            type=type_ or f"urn:northwind-mesh:problem:{code}",
            title=code.summary,
            status=status or code.number,
            code=code,
            reason=reason,
            detail=detail,
            retryable=code.retryable,
            errors=tuple(errors),
            request_id=request_id,
            retry_after=retry_after,
            attempts=attempts,
            current_version=current_version,
        )

    def json_bytes(self) -> bytes:
        """The document without members that are None."""
        return self.model_dump_json(exclude_none=True).encode()


class _Members(BaseModel):
    """The members that a caller reads from the body of an error. Another process wrote it, and some become headers."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    reason: Annotated[str, StringConstraints(pattern=REASON_PATTERN)]
    detail: str
    errors: tuple[FieldError, ...] = ()
    retry_after: Annotated[int | None, Field(strict=True, ge=0, le=MAX_RETRY_AFTER)] = None
    attempts: Annotated[int | None, Field(strict=True, ge=1, le=MAX_ATTEMPTS)] = None
    current_version: Annotated[int | None, Field(strict=True, ge=1, le=MAX_VERSION)] = None


_read_members = Reader(_Members, MAX_PROBLEM)


def error_reply(fault: Fault, request_id: str) -> tuple[dict[str, str], bytes]:
    """The headers and the body of an error reply."""
    problem = Problem.of(
        fault.code,
        fault.reason,
        fault.detail,
        request_id=request_id,
        errors=fault.errors,
        retry_after=fault.retry_after,
        attempts=fault.attempts,
        current_version=fault.current_version,
    )
    headers = {
        ERROR_CODE: str(fault.code.number),
        ERROR: one_line(fault.detail),
        CONTENT_TYPE: PROBLEM_JSON,
        REQUEST_ID: request_id,
    }
    return headers, problem.json_bytes()


def read_error(number: str, body: bytes) -> RemoteFault | BadReply:
    """The error in a reply with the header `Nats-Service-Error-Code`.

    Only the header marks a reply as an error. The body adds details; an invalid body is ignored. A worker in another
    language may omit the body or send an unknown number.
    """
    code = _CODES.get(number)
    if code is None:
        return BadReply(f"an error reply with the unknown code {one_line(number[:20])!r}")
    kind = _KINDS.get(code, RemoteFault)
    try:
        members = _read_members(body)
    except Unreadable:
        return kind(code, code.value, code.summary)
    return kind(
        code,
        members.reason,
        members.detail,
        members.errors[:MOST_FIELD_ERRORS],
        members.retry_after,
        attempts=members.attempts,
        current_version=members.current_version,
    )


def is_overloaded(headers: Mapping[str, str]) -> bool:
    """Whether a reply with these headers is `overloaded`."""
    return headers.get(ERROR_CODE) == _OVERLOADED


_OVERLOADED: Final = str(Code.OVERLOADED.number)
_CODES = {str(code.number): code for code in Code}
_KINDS: dict[Code, type[RemoteFault]] = {Code.OVERLOADED: Overloaded, Code.DEADLINE_EXCEEDED: DeadlineExceeded}


def one_line(text: str) -> str:
    """The text as a header value: printable ASCII on one line."""
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in text)
