"""Which reasons an endpoint may refuse for, and the code of each (ADR 18)."""

from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from mesh.core.errors import Code


class Reason(Protocol):
    """A reason that an endpoint declares. The class is in contracts/base.py: contracts import nothing of the mesh."""

    @property
    def code(self) -> str:
        """One of Code."""

    @property
    def value(self) -> str:
        """Its name: snake_case, for programs."""


COMMON: Final[Mapping[str, Code]] = {
    "invalid_payload": Code.INVALID_ARGUMENT,
    "malformed_json": Code.INVALID_ARGUMENT,
    "invalid_header": Code.INVALID_ARGUMENT,
    "request_too_large": Code.PAYLOAD_TOO_LARGE,
    "message_too_large": Code.PAYLOAD_TOO_LARGE,
    "queue_full": Code.OVERLOADED,
    "queue_too_slow": Code.OVERLOADED,
    "database_unavailable": Code.OVERLOADED,
    "database_read_only": Code.OVERLOADED,
    "dependency_unavailable": Code.OVERLOADED,
    "dependency_timeout": Code.DEADLINE_EXCEEDED,
    "deadline_exceeded": Code.DEADLINE_EXCEEDED,
    "internal": Code.INTERNAL,
}
"""Every endpoint may refuse for these; none declares them."""

VERIFIED: Final[Mapping[str, Code]] = {
    "token_required": Code.UNAUTHENTICATED,
    "token_expired": Code.UNAUTHENTICATED,
    "invalid_token": Code.UNAUTHENTICATED,
    "session_revoked": Code.UNAUTHENTICATED,
    "role_required": Code.PERMISSION_DENIED,
}
"""Every endpoint whose worker verifies the token may also refuse for these."""

KEYED: Final[Mapping[str, Code]] = {
    "idempotency_key_reused": Code.CONFLICT,
    "request_in_progress": Code.OVERLOADED,
}
"""Every endpoint that keeps Idempotency-Keys may also refuse for these."""


def codes(reasons: Iterable[Reason], *, verified: bool, keyed: bool) -> dict[str, Code]:
    """The code of each reason, by its name: the endpoint's own, and those that it need not declare.

    Raises ValueError for an unknown code.
    """
    own = {reason.value: Code(reason.code) for reason in reasons}
    return {**COMMON, **(VERIFIED if verified else {}), **(KEYED if keyed else {}), **own}
