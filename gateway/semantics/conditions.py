"""Conditional requests (RFC 9110, section 13): parses the headers and evaluates them against a representation."""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Final, Protocol

from pydantic_core import SchemaSerializer
from starlette.responses import Response

from gateway.semantics.json_response import JsonResponse
from mesh.core.errors import Conflict, Fault, Invalid

IF_MATCH: Final = b"if-match"
IF_NONE_MATCH: Final = b"if-none-match"
IF_MODIFIED_SINCE: Final = b"if-modified-since"
IF_UNMODIFIED_SINCE: Final = b"if-unmodified-since"
CONDITIONS: Final = frozenset({IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE})

ETAG: Final = {"description": "The version, for If-Match and If-None-Match.", "schema": {"type": "string"}}

_ELEMENT: Final = re.compile(rb'[ \t,]*((?:W/)?"[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?=,|$)')
"""One entity tag of a list whose elements may be empty. Its alternatives exclude each other: matching is linear."""
_OURS: Final = re.compile(rb'(?:W/)?"([1-9][0-9]{0,8})(?:-[0-9a-f]{16})?"')  # no row reaches a billion versions
_DATES: Final = ("%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y")
"""The three forms of a date in HTTP (RFC 9110, section 5.6.7)."""

Headers = Iterable[tuple[bytes, bytes]]


class Versioned(Protocol):
    """A resource with a version."""

    @property
    def version(self) -> int:
        """Grows with each change."""

    @property
    def __pydantic_serializer__(self) -> SchemaSerializer:
        """Writes the resource as JSON."""


def resource(versioned: Versioned, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The resource with its ETag."""
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()] if headers else ()
    etag = b'"%d"' % versioned.version
    body = versioned.__pydantic_serializer__.to_json(versioned)  # `model_dump_json` hands it a dozen defaults, and text
    return JsonResponse(body, status, [(b"etag", etag), *raw])


def resource_with_digest(versioned: Versioned) -> Response:
    """The resource, with an ETag of its version and a digest.

    For a resource that also shows what others own, such as a cart with current prices. A read compares the whole ETag,
    and so finds every change. A write compares the version alone.
    """
    body = versioned.__pydantic_serializer__.to_json(versioned)
    return JsonResponse(body, 200, [(b"etag", etag_with_digest(versioned.version, body))])


def etag_with_digest(version: int | None, body: bytes) -> bytes:
    """The ETag of a version in this representation, or of what has no version."""
    digest = hashlib.blake2b(body, digest_size=8).hexdigest().encode()
    return b'"%b"' % digest if version is None else b'"%d-%b"' % (version, digest)


def version_of(tag: bytes) -> int | None:
    """The version in an ETag of ours, strong or weak; None for any other tag (ADR 34)."""
    ours = _OURS.fullmatch(tag)
    return int(ours[1]) if ours else None


def given(headers: Headers, name: bytes) -> bytes | None:
    """The header's value. Several lines form one list (RFC 9110, section 5.3)."""
    values = [value for each, value in headers if each == name]
    return b", ".join(values) if values else None


def tags(headers: Headers, name: bytes) -> tuple[bytes, ...] | None:
    """The entity tags in If-Match or If-None-Match, `*` unchanged; None without the header.

    Raises Invalid for a malformed list.
    """
    value = given(headers, name)
    if value is None:
        return None
    if value.strip(b" \t") == b"*":
        return (b"*",)
    found = []
    end = 0
    while (element := _ELEMENT.match(value, end)) is not None:
        found.append(element[1])
        end = element.end()
    if not found or value[end:].strip(b" \t,"):
        called = name.decode().title()
        raise Invalid.field(called, "invalid_etag", 'must be * or a list of ETags as received, such as "3"')
    return tuple(found)


def unmet(headers: Headers, etag: bytes | None, modified: bytes | None, *, reads: bool) -> int | None:
    """The status of a request whose conditions the representation does not meet: 412 or 304. None if it meets them.

    `etag` and `modified` are the representation's ETag and Last-Modified; `reads` is True for GET and HEAD. The order
    is that of RFC 9110, section 13.2.2. An invalid date is ignored. Raises Invalid for a malformed list of tags.
    """
    expected = tags(headers, IF_MATCH)
    if expected is not None:
        if not (expected == (b"*",) or (etag is not None and _expected(etag, expected, reads=reads))):
            return 412
    elif _later(modified, given(headers, IF_UNMODIFIED_SINCE)) is True:
        return 412
    known = tags(headers, IF_NONE_MATCH)
    if known is not None:
        if known == (b"*",) or (etag is not None and _weak(etag) in map(_weak, known)):
            return 304 if reads else 412
    elif reads and _later(modified, given(headers, IF_MODIFIED_SINCE)) is False:
        return 304
    return None


def failed(etag: bytes | None) -> Fault:
    """The fault for a condition that the representation with this ETag does not meet."""
    current = None if etag is None else version_of(etag)
    said = "the current version does not meet the request's conditions"
    return Conflict("version_mismatch", said, current_version=current)


def current(version: int | None) -> dict[str, str]:
    """Headers of a 412: what is current. No cache may keep it, since the ETag is not that of the error."""
    return {} if version is None else {"ETag": f'"{version}"', "Cache-Control": "no-store"}


def _expected(etag: bytes, expected: Collection[bytes], *, reads: bool) -> bool:
    """Whether If-Match names the tag. A tag of ours is compared by its version (ADR 34), any other one strongly."""
    version = version_of(etag)
    if version is None:
        return not etag.startswith(b"W/") and etag in expected
    if reads:
        return _weak(etag) in map(_weak, expected)
    return version in map(version_of, expected)


def weakened(tag: bytes) -> bytes:
    """The weak form of a tag: for the same resource in other bytes."""
    return b"W/" + _weak(tag)


def _weak(tag: bytes) -> bytes:
    return tag.removeprefix(b"W/")


def _later(modified: bytes | None, since: bytes | None) -> bool | None:
    """Whether one date is after the other; None if one is missing or invalid."""
    dates = [_date(text) for text in (modified, since) if text is not None]
    match dates:
        case [datetime() as ours, datetime() as theirs]:
            return ours > theirs
    return None


def _date(text: bytes) -> datetime | None:
    for form in _DATES:
        try:
            return datetime.strptime(text.decode("latin-1"), form)  # noqa: DTZ007  # each form is in GMT
        except ValueError:
            continue
    return None


def changed(status: int = 200) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's description of a response with an ETag."""
    return {status: {"headers": {"ETag": ETAG}}}


TAGGED: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "headers": {
            "ETag": {"description": "For If-None-Match, if the gateway has a cache.", "schema": {"type": "string"}}
        }
    },
    304: {"description": "The page with the ETag in If-None-Match is current."},
}
"""OpenAPI's description of a page that a gateway with a cache tags."""

READ: Final[dict[int | str, dict[str, Any]]] = {
    **changed(),
    304: {"description": "The version in If-None-Match is current.", "headers": {"ETag": ETAG}},
}
