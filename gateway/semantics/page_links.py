"""Links between the pages of a list (RFC 8288): the same query with another cursor."""

from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode

LINK: Final[dict[str, Any]] = {
    "description": 'The first and the next page: `<…>; rel="first", <…>; rel="next"`. The last page has no next one.',
    "schema": {"type": "string"},
}
"""OpenAPI's description of the header."""


def page_links(path: str, query: bytes, next_cursor: str | None) -> str:
    """The value of `Link` for a page at the decoded path, as references that resolve against its URL."""
    first, following = _targets(path, query)
    link = f'<{first}>; rel="first"'
    return link if next_cursor is None else f'{link}, <{following}{quote(next_cursor, safe="")}>; rel="next"'


@lru_cache(maxsize=256)  # few queries are sent often
def _targets(path: str, query: bytes) -> tuple[str, str]:
    """The first page, and the next one up to its cursor."""
    pairs = parse_qsl(query.decode("latin-1"))  # an empty parameter is not set
    address, others = quote(path), urlencode([pair for pair in pairs if pair[0] != "cursor"])
    return (f"{address}?{others}", f"{address}?{others}&cursor=") if others else (address, f"{address}?cursor=")
