"""Which reasons an operation may be refused for, by HTTP status."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.problems import STATUS
from mesh.core.endpoint import Endpoint

Reasons = Mapping[int, tuple[str, ...]]
"""By status."""

EDGE: Final[Reasons] = {
    400: ("malformed_request",),
    401: ("invalid_token",),
    414: ("url_too_long",),
    431: ("head_too_large",),
}
"""What the gateway refuses before it looks for a route. A token that is too long is one of them."""
_GATEWAY: Final[Reasons] = {
    408: ("request_timeout",),
    412: ("version_mismatch",),
    413: ("body_too_large",),
    415: ("unsupported_media_type", "unsupported_content_encoding"),
    422: ("invalid_request",),
    428: ("if_match_required",),
    500: ("internal",),
}
_CALL: Final[Reasons] = {
    502: ("bad_reply", "refused"),
    503: ("no_responders", "disconnected", "connection_lost", "circuit_open", "gateway_busy"),
}
_GUARDED: Final[Reasons] = {
    401: ("token_required", "token_expired", "session_revoked"),
    403: ("role_required",),
    503: ("keys_unavailable", "revocations_unavailable"),
}
_BODY: Final[Reasons] = {400: ("malformed_json",), 422: ("invalid_payload",)}
_ROWS: Final[Reasons] = {400: ("malformed_csv",), 413: ("row_too_long",), 422: ("invalid_payload",)}
_PATH: Final[Reasons] = {404: ("unknown_path",)}
_CONDITION: Final[Reasons] = {400: ("invalid_etag",)}
_KEY: Final[Reasons] = {422: ("invalid_header",)}
_WAIT: Final[Reasons] = {429: ("too_many_waits_of_user",), 503: ("too_many_waits",)}
_STREAM: Final[Reasons] = {
    429: ("too_many_streams_of_user",),
    503: ("too_many_streams", "events_unavailable", "stopping"),
}
_STREAMED: Final[Reasons] = {505: ("http_version_not_supported",)}
_FOUND_FIRST: Final = frozenset({"malformed_json", "invalid_payload", "invalid_header"})
"""Reasons of workers that the gateway finds first."""


def reasons(endpoint: Endpoint[Any, Any] | None, operation: Mapping[str, Any]) -> dict[int, tuple[str, ...]]:
    """Every reason of each status that the operation documents, those of its endpoint first.

    `endpoint`: None if it calls none.
    """
    groups = [*_groups(endpoint, operation)]
    own = {reason.value for reason in endpoint.reasons} if endpoint else set[str]()
    found: dict[int, tuple[str, ...]] = {}
    for status in sorted(int(status) for status in operation["responses"] if status >= "4"):
        names = {name for group in groups for name in group.get(status, ())}
        found[status] = tuple(sorted(names, key=lambda name: (name not in own, name)))
    return found


def _groups(endpoint: Endpoint[Any, Any] | None, operation: Mapping[str, Any]) -> Iterator[Reasons]:
    parameters = operation.get("parameters", ())
    names = {one["name"] for one in parameters}
    guarded = "403" in operation["responses"]
    if endpoint is not None:
        yield _of(endpoint)
        yield _CALL
    if guarded:
        yield _GUARDED
    if "text/event-stream" in operation["responses"].get("200", {}).get("content", ()):
        yield _STREAM
    if "505" in operation["responses"]:
        yield _STREAMED
    yield _GATEWAY
    yield EDGE
    if "requestBody" in operation:
        yield _ROWS if "text/csv" in operation["requestBody"]["content"] else _BODY
    if any(one["in"] == "path" for one in parameters):
        yield _PATH
    if not names.isdisjoint({"If-Match", "If-None-Match"}):
        yield _CONDITION
    if "Idempotency-Key" in names:
        yield _KEY
    if "wait" in names:
        yield _WAIT


def _of(endpoint: Endpoint[Any, Any]) -> Reasons:
    """The reasons of the worker."""
    found: dict[int, tuple[str, ...]] = {}
    for name, code in endpoint.codes.items():
        if name not in _FOUND_FIRST:
            found[STATUS[code]] = (*found.get(STATUS[code], ()), name)
    return found
