"""Links between the pages of a list (RFC 8288): the same query with another cursor."""

from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode

LINK: Final[dict[str, Any]] = {
    "description": 'The first and the next page: `<…>; rel="first", <…>; rel="next"`. The last page has no next one.',
    "schema": {"type": "string"},
}
"""OpenAPI's description of the header."""


def page_links(path: str, query: bytes, next_cursor: str | None) -> str:
    """The value of `Link` for a page at the decoded path, as references that resolve against its URL."""
    pairs = parse_qsl(query.decode("latin-1")) if query else []  # an empty parameter is not set
    others = [pair for pair in pairs if pair[0] != "cursor"]
    address = quote(path)
    first = _link(address, others, "first")
    return first if next_cursor is None else f"{first}, {_link(address, [*others, ('cursor', next_cursor)], 'next')}"


def _link(path: str, query: list[tuple[str, str]], relation: str) -> str:
    return f'<{path}{"?" if query else ""}{urlencode(query)}>; rel="{relation}"'
