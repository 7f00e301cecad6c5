"""The headers that say how many items a list has on all pages."""

from typing import Any, Final

TOTAL: Final = "X-Total-Count"
ESTIMATED: Final = "X-Total-Count-Estimated"
DOCUMENTED: Final[dict[str, dict[str, Any]]] = {
    TOTAL: {
        "description": "With `count=true`: the number of matching items on all pages.",
        "schema": {"type": "integer", "minimum": 0},
    },
    ESTIMATED: {
        "description": "The total is an estimate: there are more than 10,000 items, or counting them would take long.",
        "schema": {"type": "string", "enum": ["true"]},
    },
}
"""OpenAPI's descriptions of the headers."""


def total_headers(total: int | None, *, estimated: bool) -> dict[str, str]:
    """The headers of a page with this total. None: it was not asked for."""
    if total is None:
        return {}
    return {TOTAL: str(total), ESTIMATED: "true"} if estimated else {TOTAL: str(total)}
