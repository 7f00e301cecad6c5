"""Conditional writes (RFC 9110, section 13): conditions are checked against the current representation first.

A single ETag in If-Match goes to the worker, which compares it in its transaction. For any other condition the gateway
reads the resource as GET would, then has the worker write that exact version. So a write also fails if the resource
changes between the check and the write.
"""

from dataclasses import dataclass
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
    str | None, Header(alias="If-Match", description="The ETag of the version to change.", examples=['"1"'])
]
"""For OpenAPI only: `require_conditions` reads this and every other condition."""


@dataclass(frozen=True)
class Representation:
    """What GET responds."""

    headers: dict[bytes, bytes]
    body: bytes


class Representations(Protocol):
    """Reads what GET would respond at a path."""

    async def read(self, request: Request) -> Representation | None:
        """The representation that the write concerns; None if there is none.

        Raises DoesNotFit for a path that GET does not match, and whatever the read raises, such as NotFound or an
        unavailable service.
        """


async def require_conditions(request: Request) -> None:
    """Raise if a condition of a write fails: Conflict (412), or Invalid for a malformed condition.

    JsonRoute adds this to every write, after the access check.
    """
    headers = request.scope["headers"]
    if CONDITIONS.isdisjoint([name for name, _ in headers]):
        return
    route = request.scope["route"]
    if route.body_field and _has_body(headers) and (unread := unsupported(headers, request.method)) is not None:
        raise unread  # other errors come first (section 13.2.1)
    named, excluded = tags(headers, IF_MATCH), tags(headers, IF_NONE_MATCH)
    if named is None and excluded is None:
        return  # only a date: writable resources have none, so it is ignored
    if route.takes_version and excluded is None and named and len(named) == 1 and (only := version_of(named[0])):
        request.scope[_EXPECTED] = only
        return
    try:
        current = await _written(request)
    except DoesNotFit:
        return  # the write does not match the path either, and says so
    except RemoteFault as fault:
        if fault.code is Code.NOT_FOUND and named is None:
            return  # without a representation, If-None-Match holds
        raise
    etag = None if current is None else current.headers.get(b"etag")
    met = named is None if current is None else unmet(headers, etag, None, reads=False) is None
    if not met:
        raise failed(etag)
    if etag is not None and (named, excluded) != ((b"*",), None):
        request.scope[_EXPECTED] = version_of(etag)


async def _written(request: Request) -> Representation | None:
    """The representation that a write concerns. Raises DoesNotFit for a key that no resource can have."""
    try:
        return await representation(request)
    except DoesNotFit:
        if request.scope["route"].dependant.path_params:
            raise
        return None  # `/v1/customers/import` only looks like the path of a customer


async def representation(request: Request) -> Representation | None:
    """What GET responds for the resource of the request. See Representations."""
    return await cast("Representations", request.app.state.representations).read(request)


def _has_body(headers: Headers) -> bool:
    return given(headers, b"transfer-encoding") is not None or given(headers, b"content-length") not in {None, b"0"}


async def expected_version(request: Request, _: IfMatch = None) -> int | None:
    """The version that a write expects; None for any."""
    version: int | None = request.scope.get(_EXPECTED)
    return version


async def required_version(request: Request, _: IfMatch = None) -> int:
    """The version that a change expects. Raises Invalid (428) if If-Match names none."""
    version: int | None = request.scope.get(_EXPECTED)
    if version is None or tags(request.scope["headers"], IF_MATCH) in {None, (b"*",)}:
        raise Invalid("if_match_required", "If-Match with the ETag of the version to change is required")
    return version


ExpectedVersion = Annotated[int | None, Depends(expected_version)]
RequiredVersion = Annotated[int, Depends(required_version)]
