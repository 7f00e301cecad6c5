"""A resource's version in HTTP (RFC 9110): ETag, If-Match and If-None-Match."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Protocol

from fastapi import Header
from starlette.responses import Response

from gateway.json_response import JsonResponse
from mesh.errors import Conflict, Invalid

IfMatch = Annotated[
    str | None, Header(description="The ETag that the change is meant for.", examples=['"3"'], max_length=200)
]
IfNoneMatch = Annotated[
    str | None, Header(description="The ETag that you have: 304 if it is current.", examples=['"3"'], max_length=2000)
]

ETAG: Final = {"description": "The version, for If-Match and If-None-Match.", "schema": {"type": "string"}}

_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e]*")')  # without W/: If-None-Match compares weakly
_OURS = re.compile(r'"([1-9][0-9]{0,8})"')  # no row lives to see its billionth change


class Versioned(Protocol):
    """A resource that says which version it is."""

    @property
    def version(self) -> int:
        """Grows with each change."""

    def model_dump_json(self) -> str:
        """The resource as JSON."""


def resource(
    versioned: Versioned,
    *,
    if_none_match: str | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The resource with its ETag, or 304 where the client has this version already."""
    etag = f'"{versioned.version}"'
    if if_none_match is not None and (if_none_match.strip() == "*" or etag in _TAG.findall(if_none_match)):
        return Response(None, 304, {"ETag": etag})
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()] if headers else ()
    return JsonResponse(versioned.model_dump_json().encode(), status, [(b"etag", etag.encode()), *raw])


def required_version(if_match: str | None) -> int:
    """The version that a change is meant for.

    Raises Invalid where none is named (428), and Conflict for one that cannot be current (412).
    """
    version = None if if_match is None else optional_version(if_match)
    if version is None:
        raise Invalid("if_match_required", "a change needs If-Match with the ETag that it is meant for")
    return version


def optional_version(if_match: str | None) -> int | None:
    """The version that a change is meant for, or None for whichever is current."""
    if if_match is None or if_match.strip() == "*":
        return None
    if (ours := _OURS.fullmatch(if_match.strip())) is not None:
        return int(ours[1])
    if _TAG.fullmatch(if_match.strip()) is None:
        raise Invalid.field("If-Match", "invalid_etag", 'must be one ETag as it was given, such as "3"')
    raise Conflict("version_mismatch", "If-Match names a version that is not the current one")


def changed(status: int = 200) -> dict[int, dict[str, Any]]:
    """How OpenAPI tells of an answer with an ETag."""
    return {status: {"headers": {"ETag": ETAG}}}


READ: Final[dict[int, dict[str, Any]]] = {
    **changed(),
    304: {"description": "The version in If-None-Match is current.", "headers": {"ETag": ETAG}},
}
