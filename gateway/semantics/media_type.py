"""Accepted request bodies (RFC 9110, section 8): JSON in UTF-8, uncompressed, with a matching Content-Type."""

import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Final

from gateway.semantics.conditions import given
from mesh.core.errors import Invalid

ACCEPT: Final = "application/json, application/*+json"
MERGE_PATCH: Final = "application/merge-patch+json"
ACCEPT_PATCH: Final = f"{MERGE_PATCH}, application/json"
"""A change is a merge patch (RFC 7396), under either media type."""
ENCODED: Final = "unsupported_content_encoding"

_JSON_PATCH: Final = "application/json-patch+json"
_PLUS_JSON: Final = re.compile(r"application/.+\+json")
_UTF_8: Final = {"utf-8", "utf8"}

_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"  # noqa: S105  # a token of HTTP's grammar
_VALUE: Final = rf'{_TOKEN}|"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"'
_TYPE: Final = re.compile(rf"[ \t]*+({_TOKEN}/{_TOKEN})((?:[ \t]*+;[ \t]*+(?:{_TOKEN}=(?:{_VALUE}))?)*)[ \t]*+")
"""Media type and parameters. No part can start with what continues the part before: matching is linear."""
_PARAMETER: Final = re.compile(rf"({_TOKEN})=({_VALUE})")
"""One of the parameters that `_TYPE` has accepted. In other text the search is not linear."""


def unsupported(headers: Iterable[tuple[bytes, bytes]], method: str) -> Invalid | None:
    """The fault for a body whose headers are not accepted (415); None if they are."""
    media_type = encoding = None
    for name, value in headers:
        if name == b"content-type":
            if media_type is not None:
                return _unsupported("Content-Type may appear once")
            media_type = value
        elif name == b"content-encoding":
            encoding = value
    if encoding is not None and _is_encoded(given(headers, b"content-encoding") or b""):
        return Invalid(ENCODED, "the body must not be compressed: the only accepted Content-Encoding is identity")
    why = _why_not(media_type or b"", method == "PATCH")
    return None if why is None else _unsupported(why)


def kind_of(headers: Iterable[tuple[bytes, bytes]], taken: Collection[str]) -> str:
    """The media type of a body that is no JSON, one of those `taken`. Raises Invalid (415)."""
    if _is_encoded(given(headers, b"content-encoding") or b""):
        raise Invalid(ENCODED, "the body must not be compressed: the only accepted Content-Encoding is identity")
    parsed = _TYPE.fullmatch((given(headers, b"content-type") or b"").decode("latin-1"))
    if parsed is None or parsed[1].lower() not in taken:
        raise _unsupported(f"the Content-Type must be one of: {', '.join(taken)}")
    if not _is_utf_8(parsed[2]):
        raise _unsupported("the body must be in UTF-8: no other charset is accepted")
    return parsed[1].lower()


def _is_utf_8(parameters: str) -> bool:
    """Whether the parameters of a media type name no other charset."""
    charsets = [value.strip('"').lower() for name, value in _PARAMETER.findall(parameters) if name.lower() == "charset"]
    return len(charsets) <= 1 and _UTF_8.issuperset(charsets)


def _unsupported(why: str) -> Invalid:
    return Invalid("unsupported_media_type", why)


def _is_encoded(codings: bytes) -> bool:
    return any(coding.strip(b" \t").lower() not in {b"", b"identity"} for coding in codings.split(b","))


@lru_cache(maxsize=64)
def _why_not(content_type: bytes, patches: bool) -> str | None:  # noqa: FBT001  # lru_cache is for plain arguments
    parsed = _TYPE.fullmatch(content_type.decode("latin-1"))
    if parsed is None:
        return "the body must be JSON, as Content-Type: application/json"
    media_type = parsed[1].lower()
    if media_type == _JSON_PATCH:
        return "JSON Patch is not supported: send a merge patch, application/merge-patch+json"
    if media_type == MERGE_PATCH and not patches:
        return "a merge patch requires PATCH"
    if media_type != "application/json" and not _PLUS_JSON.fullmatch(media_type):
        return "the body must be JSON, as Content-Type: application/json"
    if not _is_utf_8(parsed[2]):
        return "the body must be JSON in UTF-8: no other charset is accepted"
    return None
