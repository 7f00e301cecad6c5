"""How often a password may be tried, as HTTP tells it (draft-ietf-httpapi-ratelimit-headers): auth says how often."""

from contracts.auth import AuthReason
from mesh.core.errors import Fault, RemoteFault


def after_success(attempts: int | None) -> dict[str, str]:
    """The headers of a login: what the policy gives. Earlier failures may leave less, which nobody is told."""
    return {} if attempts is None else _headers(attempts, f"r={attempts}")


def after_failure(fault: Fault | RemoteFault) -> dict[str, str]:
    """The headers of a login that failed; none where nothing was tried, or where auth does not tell its policy.

    As long as the next attempt need not wait, one is said to be left: whoever guesses need not know how many.
    """
    attempts = fault.attempts
    if attempts is None:
        return {}
    if fault.reason == AuthReason.TOO_MANY_LOGINS or (
        fault.reason == AuthReason.INVALID_CREDENTIALS and fault.retry_after
    ):
        return _headers(attempts, f"r=0;t={fault.retry_after or 1}")
    return _headers(attempts, "r=1") if fault.reason == AuthReason.INVALID_CREDENTIALS else {}


def _headers(attempts: int, left: str) -> dict[str, str]:
    """The policy has no window: after so many attempts at once come pauses that grow."""
    name = f'"{AuthReason.TOO_MANY_LOGINS}"'
    return {"RateLimit-Policy": f"{name};q={attempts}", "RateLimit": f"{name};{left}"}
