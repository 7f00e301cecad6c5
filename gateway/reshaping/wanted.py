"""Reads what shape a client wants: `fields` and `expand` of its query, and its Accept."""

import re
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Final
from urllib.parse import unquote_plus

from mesh.core.errors import FieldError, Invalid
from mesh.wire.field_reasons import FieldReason

FIELDS: Final = "fields"
EXPAND: Final = "expand"
JSON: Final = b"application/json"
CSV: Final = b"text/csv"
NDJSON: Final = b"application/x-ndjson"
_OFFERED: Final = (JSON, CSV, NDJSON)
"""The first of equals is sent."""
_RANGE: Final = re.compile(rb"[ \t]*([\w!#$&^.+*-]+/[\w!#$&^.+*-]+)[ \t]*((?:;[^;,]*)*)")
_WEIGHT: Final = re.compile(rb";[ \t]*[qQ]=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)[ \t]*(?:;|$)")


@dataclass(frozen=True)
class Wanted:
    """What a query says about the shape, and the rest of it, which goes to the route."""

    fields: tuple[str, ...]
    """Empty for all."""
    expand: tuple[str, ...]
    rest: tuple[tuple[str, bytes], ...]
    """Every other parameter by name, as it was sent: `name=value`."""
    query: bytes
    """All of it, as it was sent."""
    repeated: str | None
    """A parameter of the two that is there twice."""

    def without(self, *names: str) -> bytes:
        """The query for the route, without these parameters."""
        return b"&".join(part for name, part in self.rest if name not in names)

    def given(self, wanted: str) -> bool:
        """Whether the rest has a parameter that is not empty."""
        return any(name == wanted and part.partition(b"=")[2] for name, part in self.rest)


def read_wanted(query: bytes) -> Wanted:
    """Take the two parameters out of a query."""
    taken: dict[str, str] = {}
    rest = []
    repeated = None
    for part in query.split(b"&") if query else ():
        name, _, value = part.partition(b"=")
        if (known := unquote_plus(name.decode("latin-1"))) in {FIELDS, EXPAND}:
            repeated = known if known in taken else repeated
            taken[known] = unquote_plus(value.decode("latin-1"))
        else:
            rest.append((known, part))
    return Wanted(_names(taken.get(FIELDS, "")), _names(taken.get(EXPAND, "")), tuple(rest), query, repeated)


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text.split(","))) if text else ()


def check(wanted: Wanted, fields: tuple[str, ...], expansions: tuple[str, ...]) -> None:
    """Raise Invalid for a name that the resource does not have."""
    if wanted.repeated is not None:
        raise refused(wanted.repeated, FieldReason.GIVEN_TWICE, "is given more than once")
    if not set(wanted.expand) <= set(expansions):
        known = f"one of: {', '.join(expansions)}" if expansions else "left out: there is nothing to expand here"
        raise refused(EXPAND, FieldReason.UNKNOWN_FIELD, f"must be {known}")
    if not set(wanted.fields) <= set(fields):
        raise refused(FIELDS, FieldReason.UNKNOWN_FIELD, f"must be names of fields: {', '.join(fields)}")


def refused(field: str, reason: FieldReason, message: str) -> Invalid:
    """The fault for a parameter."""
    error = FieldError(field=field, reason=reason, message=message)
    return Invalid("invalid_request", f"{field}: {message}", [error])


@lru_cache(maxsize=64)
def preferred(accept: bytes) -> bytes:
    """The media type of a list for this Accept (RFC 9110, section 12.5.1). JSON, if a client takes nothing of ours."""
    weights: dict[bytes, float] = {}
    for part in accept.lower().split(b","):
        if (found := _RANGE.fullmatch(part)) is not None:
            weight = _WEIGHT.search(found[2])
            weights[found[1]] = float(weight[1]) if weight else 1.0
    weigh = partial(_weight, weights)
    best = max(_OFFERED, key=weigh)
    return best if weigh(best) > 0 else JSON


def _weight(weights: dict[bytes, float], kind: bytes) -> float:
    """That of the most specific range."""
    whole = kind.partition(b"/")[0] + b"/*"
    return next((weights[one] for one in (kind, whole, b"*/*") if one in weights), 0)
