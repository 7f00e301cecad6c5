"""`Prefer: return=minimal` (RFC 7240, section 4.2): a write is answered without the resource."""

import re
from collections.abc import Iterable
from typing import Any, Final

from starlette.responses import Response

from gateway.semantics.conditions import given

_RETURN: Final = re.compile(
    rb"""(?:^|,)[ \t]*return[ \t]*=[ \t]*"?(minimal|representation)"?[ \t]*(?=[;,]|$)""", re.IGNORECASE
)
_OF_CONTENT: Final = frozenset({b"content-length", b"content-type"})
_APPLIED: Final = (b"preference-applied", b"return=minimal")

PREFER: Final[dict[str, Any]] = {
    "name": "Prefer",
    "in": "header",
    "description": "`return=minimal`: the response has no content, but its headers.",
    "schema": {"type": "string", "examples": ["return=representation"]},
}
"""OpenAPI's description of the header."""
WITHOUT_CONTENT: Final[dict[str, Any]] = {
    "description": "Done, with `Prefer: return=minimal`.",
    "headers": {"Preference-Applied": {"description": "`return=minimal`", "schema": {"type": "string"}}},
    "x-preference": "return=minimal",  # only who prefers it gets it: the gate of contracts reads this
}


def as_preferred(response: Response, headers: Iterable[tuple[bytes, bytes]]) -> Response:
    """The response to a write, without content if the request prefers that: 204, or 201 and 202 as they are."""
    wanted = _RETURN.search(given(headers, b"prefer") or b"")  # the first of several counts (section 2)
    if wanted is None or wanted[1].lower() != b"minimal":
        return response
    status = 204 if response.status_code == 200 else response.status_code  # noqa: PLR2004  # OK
    short = Response(None, status)
    short.raw_headers += [header for header in response.raw_headers if header[0] not in _OF_CONTENT]
    short.raw_headers.append(_APPLIED)
    return short
