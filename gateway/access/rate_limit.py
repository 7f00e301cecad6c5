"""Reports auth's limit on password attempts in RateLimit headers (draft-ietf-httpapi-ratelimit-headers)."""

from contracts.auth import AuthReason
from mesh.core.errors import Fault, RemoteFault


def after_success(attempts: int | None) -> dict[str, str]:
    """Headers of a successful login: the policy. How many attempts are left after earlier failures is not disclosed."""
    return {} if attempts is None else _headers(attempts, f"r={attempts}")


def after_failure(fault: Fault | RemoteFault) -> dict[str, str]:
    """Headers of a failed login. None if no attempt was made, or if auth does not report its policy.

    While the next attempt need not wait, `r=1`: an attacker need not know the exact number.
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
    """The policy has no window: after `attempts` attempts, pauses grow."""
    name = f'"{AuthReason.TOO_MANY_LOGINS}"'
    return {"RateLimit-Policy": f"{name};q={attempts}", "RateLimit": f"{name};{left}"}
