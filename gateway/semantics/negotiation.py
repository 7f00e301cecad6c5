"""Which representation a client prefers (RFC 9110, section 12.5.1): HTML for people, JSON for programs."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from gateway.semantics.conditions import given

_HTML: Final = ("text/html", "text/*", "*/*")
_JSON: Final = ("application/json", "application/*", "*/*")
_RANGE: Final = re.compile(r"[ \t]*([\w.+*-]{1,80}/[\w.+*-]{1,80})[ \t]*((?:;[^;]*)*)")
_WEIGHT: Final = re.compile(r";[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)[ \t]*(?:;|$)", re.IGNORECASE)


def prefers_html(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether the client prefers HTML to JSON. One that accepts both equally, or says nothing, gets JSON."""
    return _prefers_html(given(headers, b"accept") or b"")


@lru_cache(maxsize=64)
def _prefers_html(accept: bytes) -> bool:
    weights: dict[str, float] = {}
    for part in accept.decode("latin-1").split(","):
        if found := _RANGE.fullmatch(part):
            weight = _WEIGHT.search(found[2])
            weights.setdefault(found[1].lower(), float(weight[1]) if weight else 1.0)
    return _weight(weights, _HTML) > _weight(weights, _JSON)


def _weight(weights: dict[str, float], ranges: tuple[str, ...]) -> float:
    """The weight of the most specific range that the client names."""
    return next((weights[one] for one in ranges if one in weights), 0.0)
