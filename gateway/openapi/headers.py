"""The headers of responses, once each among the components."""

from collections.abc import Collection
from typing import Any, Final

HEADERS: Final[dict[str, dict[str, Any]]] = {
    "X-Request-Id": {
        "description": "Of the request, in the logs of every process that it passed through.",
        "required": True,
        "schema": {"type": "string"},
        "example": "7b8491522e55404987d3d9cf63579d81",
    },
    "Location": {
        "description": "The path of the resource.",
        "required": True,
        "schema": {"type": "string"},
        "example": "/v1/customers/ALFKI",
    },
    "Retry-After": {
        "description": "Seconds to wait before a retry.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
        "example": "1",
    },
    "WWW-Authenticate": {
        "description": "`Bearer`, with `error` if a token was sent (RFC 6750).",
        "required": True,
        "schema": {"type": "string"},
        "example": 'Bearer error="invalid_token"',
    },
    "RateLimit-Policy": {
        "description": "The limit on password attempts: `q` at once.",
        "schema": {"type": "string"},
        "example": '"too_many_logins";q=5',
    },
    "RateLimit": {
        "description": "How many attempts are left (`r`), and after how many seconds there is another one (`t`).",
        "schema": {"type": "string"},
        "example": '"too_many_logins";r=0;t=2',
    },
    "Accept": {
        "description": "The media types that are read.",
        "schema": {"type": "string"},
        "example": "application/json, application/*+json",
    },
}
_RATE_LIMIT: Final = ("RateLimit-Policy", "RateLimit")
_PASSWORD_ATTEMPT: Final = frozenset({"invalid_credentials", "too_many_logins"})
_OF_STATUS: Final = {
    201: ("Location",),
    202: ("Location",),
    401: ("WWW-Authenticate",),
    415: ("Accept",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}


def of_success(status: int, *, rated: bool) -> dict[str, Any]:
    """The headers of a response without an error. `rated`: whether it reports the limit on password attempts."""
    return _references(("X-Request-Id", *_OF_STATUS.get(status, ()), *(_RATE_LIMIT if rated else ())))


def of_problem(status: int, reasons: Collection[str]) -> dict[str, Any]:
    """The headers of a problem."""
    rated = not _PASSWORD_ATTEMPT.isdisjoint(reasons)
    return _references(("X-Request-Id", *_OF_STATUS.get(status, ()), *(_RATE_LIMIT if rated else ())))


def _references(names: Collection[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
