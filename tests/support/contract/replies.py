"""What is true of every reply on the wire."""

import json
from typing import Any

from conform.golden import differences
from mesh.transport.base import Message
from mesh.wire.names import CONTENT_TYPE, ERROR, ERROR_CODE, PROBLEM_JSON, REQUEST_ID

_PROBLEM = {
    "type": {"$matches": r"[a-z]+:\S+"},
    "title": {"$matches": r"[A-Z][a-z ]+"},
    "detail": {"$matches": r"\S.*"},
}
_ATTEMPTED = {"invalid_credentials", "wrong_password", "too_many_logins", "idempotency_key_reused"}
"""Reasons of a password that was tried: the problem may say how many attempts may be made at once."""


def success(reply: Message, request_id: str) -> Any:  # noqa: ANN401  # any JSON
    """The body of a reply that says it is one by its headers."""
    errors = [name for name in reply.headers if name.lower().startswith("nats-service-error")]
    assert [] == errors, reply.payload
    assert request_id == reply.headers[REQUEST_ID]
    return json.loads(reply.payload)


def failure(reply: Message, request_id: str, number: int, code: str, reason: str) -> list[str]:
    """The names of the fields that are wrong, of a reply that is such an error in headers and body."""
    body = json.loads(reply.payload)
    assert (number, reason) == (body.get("status"), body.get("reason")), reply.payload
    line = reply.headers[ERROR]
    assert str(number) == reply.headers[ERROR_CODE]
    assert (True, True) == (line.isascii(), line.isprintable())
    assert PROBLEM_JSON == reply.headers[CONTENT_TYPE]
    assert request_id == reply.headers[REQUEST_ID]
    expected = {
        **_PROBLEM,
        "status": number,
        "code": code,
        "reason": reason,
        "retryable": code in ("rate_limited", "overloaded", "deadline_exceeded"),
        "request_id": request_id,
        **({"retry_after": "<row>"} if code == "rate_limited" else {}),
        **({"attempts": "<row>"} if reason in _ATTEMPTED and "attempts" in body else {}),
        **({"current_version": "<row>"} if reason == "version_mismatch" and "current_version" in body else {}),
        "errors": [
            {"field": {"$matches": ".*"}, "reason": {"$matches": "[a-z][a-z0-9_]{0,63}"}, "message": {"$matches": ".+"}}
            for _ in body["errors"]
        ],
    }
    assert [] == differences(expected, body, "problem")
    return [error["field"] for error in body["errors"]]
