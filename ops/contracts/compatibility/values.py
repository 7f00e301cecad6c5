"""Compares the bounds of numbers, texts and lists, and tells whether a listed value is within them."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from ops.contracts.compatibility.forms import KEYWORDS, PATTERNS, is_of, unjudged, written
from ops.contracts.shapes import Schema

LEAST: Final = ("minLength", "minItems", "minProperties")
MOST: Final = ("maxLength", "maxItems", "maxProperties")
_SAME: Final = ("pattern", "format")
# Patterns of 0.1.0 that RE2 does not take. Since then they are spelled for RE2 and ECMAScript alike (W-VAL-10).
_ESCAPED: Final = re.compile(r"\\u([0-9a-f]{4})")
_RESPELLED: Final = {"^Bearer [!-~]{1,4096}$": "^Bearer [!-~]+$"}

Limit = tuple[str, Any]
"""A keyword and its value."""


@dataclass(frozen=True)
class Bound:
    """A bound with which one form refuses what the other one takes."""

    narrow: Limit | None
    wide: Limit


def bounds(narrow: Schema, wide: Schema) -> Iterator[Bound]:
    """Where `wide` may refuse a value that `narrow` takes. Both have one type."""
    least = [keyword for keyword in LEAST if wide.get(keyword, 0) > _least(narrow, keyword)]
    most = [keyword for keyword in MOST if wide.get(keyword, math.inf) < _most(narrow, keyword)]
    other = [
        keyword for keyword in _SAME if keyword in wide and _spelled(narrow.get(keyword)) != _spelled(wide[keyword])
    ]
    for keyword in (*least, *most, *other):
        yield _bound(narrow, wide, keyword)
    if _lower(wide) > _lower(narrow):
        yield _bound(narrow, wide, "exclusiveMinimum", "minimum")
    if _upper(wide) < _upper(narrow):
        yield _bound(narrow, wide, "exclusiveMaximum", "maximum")
    if not _multiple(narrow, wide):
        yield _bound(narrow, wide, "multipleOf")
    if wide.get("uniqueItems") and not narrow.get("uniqueItems"):
        yield _bound({}, wide, "uniqueItems")


def _bound(narrow: Schema, wide: Schema, *keywords: str) -> Bound:
    """The bounds of both by the first of these keywords that each has."""
    limits = [[(one, form[one]) for one in keywords if form.get(one) is not None] for form in (narrow, wide)]
    return Bound(limits[0][0] if limits[0] else None, limits[1][0])


def admits(form: Schema, value: object) -> bool:
    """Whether a form takes a value of its type. False if that is not certain."""
    if not is_of(value, form["type"]) or unjudged(form) or not lists(form, value):
        return False
    match value:
        case None | bool():
            return True
        case str():
            known = "enum" in form or "format" not in form
            long_enough = form.get("minLength", 0) <= len(value) <= form.get("maxLength", math.inf)
            return known and long_enough and _matches(form.get("pattern", ""), value)
        case int() | float():
            own = {"minimum": value, "maximum": value, "multipleOf": abs(value) or form.get("multipleOf", 1)}
            return not any(bounds({**own, "format": form.get("format")}, form))
    return "enum" in form and not form.keys() & KEYWORDS[form["type"]]


def lists(form: Schema, value: object) -> bool:
    """Whether a form lists the value, or no values at all."""
    return "enum" not in form or written(value) in map(written, form["enum"])


def _spelled(text: str | None) -> str | None:
    """The pattern in the spelling that every engine takes; a format as it is."""
    return text and _ESCAPED.sub(lambda found: chr(int(found[1], 16)), _RESPELLED.get(text, text))


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except re.error:
        return False  # a pattern that only other languages have


def _least(form: Schema, keyword: str) -> int:
    own: int = form.get(keyword, 0)
    return max(own, len(form.get("required", ()))) if keyword == "minProperties" else own


def _most(form: Schema, keyword: str) -> float:
    own: float = form.get(keyword, math.inf)
    closed = form.get("additionalProperties") is False and PATTERNS not in form
    if keyword == "maxProperties" and closed:
        return min(own, len(form.get("properties", {})))
    return own


def _lower(form: Schema) -> tuple[float, bool]:
    return max((form.get("minimum", -math.inf), False), _exclusive(form, "exclusiveMinimum", -math.inf, 1))


def _upper(form: Schema) -> tuple[float, bool]:
    high, exclusive = _exclusive(form, "exclusiveMaximum", math.inf, -1)
    return min((form.get("maximum", math.inf), True), (high, not exclusive))


def _exclusive(form: Schema, keyword: str, default: float, step: int) -> tuple[float, bool]:
    """The bound, and whether it is itself excluded: the next integer is as good."""
    bound: float = form.get(keyword, default)
    if form.get("type") == "integer" and isinstance(bound, int):
        return bound + step, False
    return bound, True


def _multiple(narrow: Schema, wide: Schema) -> bool:
    if "multipleOf" not in wide:
        return True
    step = narrow.get("multipleOf", 1 if narrow.get("type") == "integer" else None)
    return step is not None and Decimal(str(step)) % Decimal(str(wide["multipleOf"])) == 0
