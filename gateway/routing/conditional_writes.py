"""Writes with conditions (RFC 9110, section 13): held against the current representation before anything is done.

A single ETag in If-Match goes with the request, and the worker compares it as it writes. For any other condition the
gateway reads the resource as GET would, and then has the worker write that very version or nothing. So a write whose
conditions an older version met than the worker finds is refused too.
"""

from typing import Annotated, Final, Protocol, cast

from fastapi import Depends, Header
from starlette.requests import Request

from gateway.routing.misfit import DoesNotFit
from gateway.semantics.conditions import (
    CONDITIONS,
    IF_MATCH,
    IF_NONE_MATCH,
    Headers,
    failed,
    given,
    tags,
    unmet,
    version_of,
)
from gateway.semantics.media_type import unsupported
from mesh.core.errors import Code, Invalid, RemoteFault

READS: Final = frozenset({"GET", "HEAD"})
_EXPECTED: Final = "gateway.expected_version"

IfMatch = Annotated[
    str | None, Header(alias="If-Match", description="The ETag that the change is meant for.", examples=['"3"'])
]
"""For OpenAPI: `require_conditions` has read it, and every other condition."""


class Representations(Protocol):
    """Reads what GET answers at a path."""

    async def headers(self, request: Request) -> dict[bytes, bytes] | None:
        """The headers of the representation that a write's conditions are about; None where there is none.

        Raises DoesNotFit for a path that does not fit GET, and what the reading raises: a NotFound, or that the service
        is not there.
        """


async def require_conditions(request: Request) -> None:
    """Raise unless the conditions of a write are met: Conflict (412), Invalid for what is no condition.

    JsonRoute has every write depend on it, after whatever says who may.
    """
    headers = request.scope["headers"]
    if CONDITIONS.isdisjoint([name for name, _ in headers]):
        return
    route = request.scope["route"]
    if route.body_field and _has_body(headers) and (unread := unsupported(headers, request.method)) is not None:
        raise unread  # that comes first (section 13.2.1)
    named, excluded = tags(headers, IF_MATCH), tags(headers, IF_NONE_MATCH)
    if named is None and excluded is None:
        return  # a date alone: no resource that can be written has one, so it counts for nothing
    if route.takes_version and excluded is None and named and len(named) == 1 and (only := version_of(named[0])):
        request.scope[_EXPECTED] = only
        return
    try:
        current = await cast("Representations", request.app.state.representations).headers(request)
    except DoesNotFit:
        return  # the path does not fit: for the write neither, which says so
    except RemoteFault as fault:
        if fault.code is Code.NOT_FOUND and named is None:
            return  # there is nothing that If-None-Match could exclude
        raise
    etag = None if current is None else current.get(b"etag")
    met = named is None if current is None else unmet(headers, etag, None, reads=False) is None
    if not met:
        raise failed()
    if etag is not None and (named, excluded) != ((b"*",), None):
        request.scope[_EXPECTED] = version_of(etag)


def _has_body(headers: Headers) -> bool:
    return given(headers, b"transfer-encoding") is not None or given(headers, b"content-length") not in {None, b"0"}


async def expected_version(request: Request, _: IfMatch = None) -> int | None:
    """The version that a write is meant for, or None for whichever is current."""
    version: int | None = request.scope.get(_EXPECTED)
    return version


async def required_version(request: Request, _: IfMatch = None) -> int:
    """The version that a change is meant for. Raises Invalid where If-Match names none (428)."""
    version: int | None = request.scope.get(_EXPECTED)
    if version is None or tags(request.scope["headers"], IF_MATCH) in {None, (b"*",)}:
        raise Invalid("if_match_required", "a change needs If-Match with the ETag that it is meant for")
    return version


ExpectedVersion = Annotated[int | None, Depends(expected_version)]
RequiredVersion = Annotated[int, Depends(required_version)]
