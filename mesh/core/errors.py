"""Every error of the mesh, drawn once.

MeshError
├─ Fault               raised by a handler, crosses the wire
│  ├─ Invalid            the payload does not fit the contract
│  ├─ Unauthenticated    no valid token where one is needed
│  ├─ Forbidden          a valid token without the role
│  ├─ NotFound
│  ├─ Conflict           duplicate key, wrong version
│  ├─ TooLarge           request or reply over the limit
│  ├─ RateLimited        this caller asks too often
│  ├─ Unavailable        the worker's queue is full, or what it stands on is away: retryable
│  ├─ TimedOut           the deadline passed
│  └─ Internal           a bug in the worker
└─ CallError           seen by a caller
   ├─ RemoteFault        the worker answered with a fault
   │  ├─ Overloaded        … that it takes no more just now
   │  └─ DeadlineExceeded  … that the deadline passed (or it passed here, unanswered)
   ├─ NoResponder        nobody serves the subject
   ├─ BadReply           the reply does not fit the contract
   ├─ NotStored          the stream did not take the event
   ├─ Refused            NATS forbids this process the subject
   └─ Disconnected       no connection to NATS, so nothing was sent, or it broke while waiting
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Code(StrEnum):
    """What went wrong, in the wire contract's words (docs/reference/wire.md)."""

    INVALID_ARGUMENT = "invalid_argument"
    UNAUTHENTICATED = "unauthenticated"
    PERMISSION_DENIED = "permission_denied"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    PAYLOAD_TOO_LARGE = "payload_too_large"
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    INTERNAL = "internal"

    @property
    def number(self) -> int:
        """The number of `Nats-Service-Error-Code`."""
        return _NUMBERS[self]

    @property
    def summary(self) -> str:
        """The title of the problem (RFC 9457): the same for every occurrence."""
        return _SUMMARIES[self]

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed a moment later."""
        return self in _RETRYABLE


_NUMBERS = {
    Code.INVALID_ARGUMENT: 422,
    Code.UNAUTHENTICATED: 401,
    Code.PERMISSION_DENIED: 403,
    Code.NOT_FOUND: 404,
    Code.CONFLICT: 409,
    Code.PAYLOAD_TOO_LARGE: 413,
    Code.RATE_LIMITED: 429,
    Code.OVERLOADED: 503,
    Code.DEADLINE_EXCEEDED: 504,
    Code.INTERNAL: 500,
}
_SUMMARIES = {
    Code.INVALID_ARGUMENT: "Invalid argument",
    Code.UNAUTHENTICATED: "Authentication needed",
    Code.PERMISSION_DENIED: "Permission denied",
    Code.NOT_FOUND: "Not found",
    Code.CONFLICT: "Conflict",
    Code.PAYLOAD_TOO_LARGE: "Payload too large",
    Code.RATE_LIMITED: "Too many requests",
    Code.OVERLOADED: "Temporarily unavailable",
    Code.DEADLINE_EXCEEDED: "Deadline exceeded",
    Code.INTERNAL: "Internal error",
}
_RETRYABLE = {Code.RATE_LIMITED, Code.OVERLOADED, Code.DEADLINE_EXCEEDED}


class FieldError(BaseModel):
    """What is wrong with one field of a payload, without the value that was sent."""

    model_config = ConfigDict(frozen=True)

    field: str
    reason: str
    message: str


class MeshError(Exception):
    """The root of every error that the mesh raises on purpose."""


class Fault(MeshError):
    """An error that a handler means its caller to see.

    `reason` is one that the endpoint declares with this code, or one of mesh/core/reasons.py; for programs. `detail` is
    one sentence for people, `errors` says which fields are wrong.
    """

    code: ClassVar[Code]
    retry_after: int | None = None
    """Seconds until the same request may succeed, where that is known."""
    attempts: int | None = None
    """How often it may be tried at once, where that is limited and known."""
    current_version: int | None = None
    """The version of what the caller wants to change, where it expects another one."""

    def __init__(self, reason: str, detail: str, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.errors = tuple(errors)


class Invalid(Fault):
    """The payload does not fit the contract."""

    code = Code.INVALID_ARGUMENT

    @classmethod
    def field(cls, field: str, reason: str, message: str) -> "Invalid":
        """One wrong field, named."""
        return cls(reason, f"{field}: {message}", [FieldError(field=field, reason=reason, message=message)])


class Unauthenticated(Fault):
    """No valid token where one is needed."""

    code = Code.UNAUTHENTICATED


class Forbidden(Fault):
    """A valid token without the role that the endpoint asks for."""

    code = Code.PERMISSION_DENIED


class NotFound(Fault):
    """What was asked for is not there."""

    code = Code.NOT_FOUND


class Conflict(Fault):
    """The state of things forbids it: a duplicate key, another version."""

    code = Code.CONFLICT

    def __init__(
        self, reason: str, detail: str, errors: Sequence[FieldError] = (), current_version: int | None = None
    ) -> None:
        super().__init__(reason, detail, errors)
        self.current_version = current_version


class TooLarge(Fault):
    """A request or a reply is over the limit; headers count."""

    code = Code.PAYLOAD_TOO_LARGE


class RateLimited(Fault):
    """The caller asks too often, and may ask again after so many seconds."""

    code = Code.RATE_LIMITED

    def __init__(self, reason: str, detail: str, retry_after: int = 1, attempts: int | None = None) -> None:
        super().__init__(reason, detail)
        self.retry_after = retry_after
        self.attempts = attempts


class Unavailable(Fault):
    """The worker takes no more just now, or cannot reach what it stands on."""

    code = Code.OVERLOADED


class TimedOut(Fault):
    """The deadline passed before the work was done."""

    code = Code.DEADLINE_EXCEEDED


class Internal(Fault):
    """A bug in the worker; the caller learns the request id alone."""

    code = Code.INTERNAL

    def __init__(self) -> None:
        super().__init__("internal", "internal error")


class CallError(MeshError):
    """A call that brought no reply; the subclass says why."""

    subject: str | None = None
    """What was asked, where it is known."""


class RemoteFault(CallError):
    """The worker answered with a fault: the same code, reason, detail and field errors that it raised."""

    def __init__(  # noqa: PLR0913  # as many as a fault has
        self,
        code: Code,
        reason: str,
        detail: str,
        errors: Sequence[FieldError] = (),
        retry_after: int | None = None,
        *,
        attempts: int | None = None,
        current_version: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.reason = reason
        self.detail = detail
        self.errors = tuple(errors)
        self.retry_after = retry_after
        self.attempts = attempts
        self.current_version = current_version


class Overloaded(RemoteFault):
    """The worker takes no more just now; nothing was executed."""


class DeadlineExceeded(RemoteFault):
    """No reply came before the deadline; whether the work was done is unknown."""

    @classmethod
    def here(cls, subject: str) -> "DeadlineExceeded":
        """The deadline passed on this side, without an answer."""
        return cls(Code.DEADLINE_EXCEEDED, "deadline_exceeded", f"{subject} did not answer in time")


class NoResponder(CallError):
    """Nobody serves the subject; nothing was executed."""


class BadReply(CallError):
    """The reply does not fit the contract; the work was probably done."""


class NotStored(CallError):
    """The stream refused the event: it is full, the event is too large, or the cluster has no leader."""


class Refused(CallError):
    """NATS forbids this process to publish or to subscribe there; nothing was executed."""


class Disconnected(CallError):
    """There is no connection to NATS (`sent` False: nothing left this process), or it broke while waiting."""

    def __init__(self, detail: str, *, sent: bool = False) -> None:
        super().__init__(detail)
        self.sent = sent
