"""Errors on the wire: problem documents (RFC 9457) and the headers beside them (docs/reference/wire.md)."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from mesh.core.errors import BadReply, Code, DeadlineExceeded, Fault, FieldError, Overloaded, RemoteFault
from mesh.core.reading import Reader, Unreadable
from mesh.wire.names import CONTENT_TYPE, ERROR, ERROR_CODE, PROBLEM_JSON, REQUEST_ID
from mesh.wire.validation import MOST_FIELD_ERRORS

MAX_PROBLEM: Final = 64 * 1024
"""Bytes of an error's body; a longer one is passed over."""
MAX_RETRY_AFTER: Final = 86_400
"""Seconds for which a worker may send a client away."""
MAX_ATTEMPTS: Final = 1_000_000


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
    attempts: int | None = None
    """How often it may be tried at once; left out where that is not limited."""

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
        attempts: int | None = None,
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
            attempts=attempts,
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
    attempts: Annotated[int | None, Field(strict=True, ge=1, le=MAX_ATTEMPTS)] = None


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
        attempts=fault.attempts,
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
    return kind(
        code, told.reason, told.detail, told.errors[:MOST_FIELD_ERRORS], told.retry_after, attempts=told.attempts
    )


def takes_no_more(headers: Mapping[str, str]) -> bool:
    """Whether a reply with these headers says `overloaded`."""
    return headers.get(ERROR_CODE) == _OVERLOADED


_OVERLOADED: Final = str(Code.OVERLOADED.number)
_CODES = {str(code.number): code for code in Code}
_KINDS: dict[Code, type[RemoteFault]] = {Code.OVERLOADED: Overloaded, Code.DEADLINE_EXCEEDED: DeadlineExceeded}


def one_line(text: str) -> str:
    """The text as a header may carry it: printable ASCII on one line."""
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in text)
