"""OpenAPI's description of a route: the errors of its endpoint, the errors it adds, and its headers."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import Header

from contracts.base import Form
from gateway.problems import STATUS
from mesh.core.endpoint import Access, Endpoint
from mesh.core.errors import Code
from mesh.wire.names import IDEMPOTENCY_KEY, PROBLEM_JSON

_ALWAYS = (422, 500, 502, 503, 504)
_GUARDED = (401, 403)
OF_A_BODY: Final = frozenset({400, 408, 413, 415})
"""Statuses of errors in reading a body."""

IdempotencyKey = Annotated[
    Annotated[str, Form("^[ -~]+$", "must be printable characters of ASCII", 1, 255)] | None,
    Header(
        alias=IDEMPOTENCY_KEY,
        description="Makes a retry safe: within 24 hours, the same request returns the first response again.",
        examples=["8f14e45f-ceea-4d7a-9c1b-2f6b1a3c5d7e"],
    ),
]

_SCHEMAS = "#/components/schemas/"


def failures(endpoint: Endpoint[Any, Any]) -> set[int]:
    """The statuses of the errors of a call of the endpoint."""
    statuses = {STATUS[endpoint.codes[reason.value]] for reason in endpoint.reasons}
    statuses.update(_ALWAYS)
    if endpoint.access is not Access.ANYONE:
        statuses.update(_GUARDED)
    if endpoint.verified:
        statuses.add(STATUS[Code.UNAUTHENTICATED])
    if endpoint.keyed:
        statuses.add(STATUS[Code.CONFLICT])
    return statuses


def with_failures(
    responses: Mapping[int | str, dict[str, Any]], statuses: Iterable[int]
) -> dict[int | str, dict[str, Any]]:
    """A route's responses with these errors, by status."""
    known = dict(responses)
    known.update({status: documented(status) for status in statuses})
    return {status: known[status] for status in sorted(known, key=int)}


def with_headers(
    responses: Mapping[int | str, dict[str, Any]], status: int, headers: Mapping[str, Any]
) -> dict[int | str, dict[str, Any]]:
    """A route's responses with these headers beside others of one status."""
    response = responses.get(status, {})
    return {**responses, status: {**response, "headers": {**response.get("headers", {}), **headers}}}


async def require_fitting_key(_: IdempotencyKey = None) -> None:
    """Refuse an invalid key. A valid one goes to the worker with the request."""


def documented(status: int) -> dict[str, Any]:
    """OpenAPI's description of a problem."""
    return {
        "description": HTTPStatus(status).phrase,
        "content": {PROBLEM_JSON: {"schema": {"$ref": f"{_SCHEMAS}Problem"}}},
    }
