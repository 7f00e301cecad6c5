"""Holds every reply of a run against the rules that hold for all replies."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from conform.bus import Reply
from conform.shapes import Shape, Twice, is_snake, is_time, names_of, strict, times
from mesh.wire.names import CONTENT_TYPE, ERROR, ERROR_CODE, PROBLEM_JSON, REQUEST_ID
from ops.contracts.tree import EndpointContract

CODES: Final[Mapping[str, tuple[int, str]]] = {
    "invalid_argument": (422, "Invalid argument"),
    "unauthenticated": (401, "Authentication needed"),
    "permission_denied": (403, "Permission denied"),
    "not_found": (404, "Not found"),
    "conflict": (409, "Conflict"),
    "payload_too_large": (413, "Payload too large"),
    "rate_limited": (429, "Too many requests"),
    "overloaded": (503, "Temporarily unavailable"),
    "deadline_exceeded": (504, "Deadline exceeded"),
    "internal": (500, "Internal error"),
}
"""Number and title of each code (W-ERR)."""
SENT_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_MADE_ID: Final = re.compile(r"[0-9a-f]{32}")
_REASON: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_RETRYABLE: Final = {"rate_limited", "overloaded", "deadline_exceeded"}
_MAX_PROBLEM: Final = 64 * 1024
_MAX_ITEMS: Final = 200
_MAX_ERRORS: Final = 20
_MAX_FIELD: Final = 100
_MOST_KEPT: Final = 50

Flaw = tuple[str, str]
"""A rule, and how a reply breaks it."""


class Observer:
    """Counts the replies that each rule was held against, and keeps the flaws."""

    def __init__(self, shared: Mapping[str, tuple[str, str]]) -> None:
        """`shared`: code of each reason that not only one subject has, and who has it: all, verified, keyed."""
        self.seen: Counter[str] = Counter()
        self.flaws: dict[str, list[str]] = {}
        self._shared = shared
        self._shapes: dict[str, Shape] = {}

    def watch(self, endpoint: EndpointContract, reply: Reply, sent: str | None) -> None:
        """Judge one reply; `sent` is the request id as it was sent, if it was."""
        judged = self._success(endpoint, reply) if ERROR_CODE not in reply.headers else self._error(endpoint, reply)
        for rule, flaw in (*_identity(reply, sent), *judged):
            self.seen[rule] += 1
            if flaw and len(found := self.flaws.setdefault(rule, [])) < _MOST_KEPT:
                found.append(f"{endpoint.subject}: {flaw}")

    def _success(self, endpoint: EndpointContract, reply: Reply) -> Iterator[Flaw]:
        yield "W-ERR-1", "a success has the header Nats-Service-Error" if ERROR in reply.headers else ""
        yield "W-OK-5", "the reply is empty" if not reply.payload else ""
        yield "W-OK-2", "the reply is longer than it may be" if len(reply.payload) > endpoint.max_reply else ""
        try:
            body = strict(reply.payload)
        except Twice:
            yield "W-OK-3", "a name stands twice"
            return
        except ValueError:
            yield "W-OK-1", "the reply is no JSON"
            return
        yield "W-OK-3", ""
        shape = self._shapes.setdefault(endpoint.subject, Shape(endpoint.reply))
        misfits = shape.misfits(body)
        members = [name for name in shape.properties if not (isinstance(body, dict) and name in body)]
        lacking = f"{', '.join(members)} missing" if members else ""
        yield "W-OK-1", "; ".join(misfits[:2]) or lacking
        odd = next((name for name in names_of(body) if not is_snake(name)), None)
        yield "W-OK-5", f"{odd!r} is not snake_case" if odd else ""
        if isinstance(body, dict) and isinstance(items := body.get("items"), list):
            yield "W-OK-2", "a list has more than 200 items" if len(items) > _MAX_ITEMS else ""
        for value in times(body, endpoint.reply):
            yield "W-VAL-8", "" if is_time(value) else f"{str(value)[:40]!r} is no such timestamp"

    def _error(self, endpoint: EndpointContract, reply: Reply) -> Iterator[Flaw]:
        line, number = reply.headers.get(ERROR, ""), reply.headers[ERROR_CODE]
        good = line and line.isascii() and line.isprintable()
        yield "W-ERR-1", "" if good else "Nats-Service-Error is not one line of ASCII"
        yield "W-ERR-2", _content_type(reply)
        body = reply.problem
        yield "W-ERR-3", "the problem is longer than 64 KiB" if len(reply.payload) > _MAX_PROBLEM else ""
        yield "W-ERR-2", _members(body, number)
        reason = body.get("reason")
        well = isinstance(reason, str) and _REASON.fullmatch(reason)
        yield "W-ERR-3", "" if well else "`reason` is no such text"
        yield "W-ERR-4", self._declared(endpoint, body)
        errors = body.get("errors", [])
        if isinstance(errors, list) and errors:
            yield "W-ERR-5", _field_errors(errors)
        if reason == "invalid_payload":
            count = len(errors) if isinstance(errors, list) else 0
            yield "W-ERR-6", "" if 1 <= count <= _MAX_ERRORS else f"invalid_payload names {count} fields"

    def _declared(self, endpoint: EndpointContract, body: Mapping[str, Any]) -> str:
        reason, code = str(body.get("reason")), body.get("code")
        declared = endpoint.reasons.get(reason)
        if declared is None and reason in self._shared:
            owner, shared_code = self._shared[reason]
            has = owner == "all" or (endpoint.verified if owner == "verified" else endpoint.keyed)
            declared = shared_code if has else None
        if declared is None:
            return f"`{reason}` is no reason of the subject"
        return "" if declared == code else f"`{reason}` has the code {code}, not {declared}"


def _identity(reply: Reply, sent: str | None) -> Iterator[Flaw]:
    got = reply.headers.get(REQUEST_ID, "")
    yield "W-ID-2", "" if got else "the reply has no X-Request-Id"
    if got and not reply.ok:
        same = reply.problem.get("request_id") == got
        yield "W-ID-2", "" if same else "the problem has another request id than the header"
    if got and sent is not None:
        kept = SENT_ID.fullmatch(sent) is not None
        right = got == sent if kept else _MADE_ID.fullmatch(got) is not None
        yield "W-ID-1", "" if right else f"the request id {sent[:40]!r} came back as {got[:40]!r}"


def _content_type(reply: Reply) -> str:
    found = reply.headers.get(CONTENT_TYPE)
    return "" if found == PROBLEM_JSON else f"the Content-Type is {found!r}"


def _members(body: Mapping[str, Any], number: str) -> str:
    if not body:
        return "the body is no problem"
    code = body.get("code")
    expected = CODES.get(code) if isinstance(code, str) else None
    if expected is None:
        return f"`code` is {str(code)[:40]!r}"
    wanted = {
        "type": f"urn:northwind-mesh:problem:{code}",
        "status": expected[0],
        "title": expected[1],
        "retryable": code in _RETRYABLE,
    }
    wrong = [
        name
        for name, value in wanted.items()
        if body.get(name) != value or isinstance(value, bool) is not isinstance(body.get(name), bool)
    ]
    wrong += [name for name, value in body.items() if value is None]
    wrong += [] if isinstance(body.get("errors"), list) else ["errors"]
    wrong += [] if isinstance(body.get("detail"), str) and body["detail"] else ["detail"]
    wrong += [] if number == str(expected[0]) else ["the number in the header"]
    wrong += [] if (code == "rate_limited") or "retry_after" not in body else ["retry_after"]
    return f"wrong: {', '.join(wrong)}" if wrong else ""


def _field_errors(errors: list[Any]) -> str:
    for one in errors:
        if not (
            isinstance(one, dict) and all(isinstance(one.get(name), str) for name in ("field", "reason", "message"))
        ):
            return "one of `errors` lacks field, reason or message"
        if len(one["field"]) > _MAX_FIELD or not one["field"].isprintable():
            return "a field is longer than 100 characters or not printable"
        if not _REASON.fullmatch(one["reason"]) or not one["message"]:
            return "one of `errors` has no reason or no message"
    return ""
