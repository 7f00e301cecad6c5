"""Tells the breaks between two shapes in words: what changed, and how to do it compatibly."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ops.contracts.compatibility.comparing import Break, Direction, Kind, breaks
from ops.contracts.compatibility.finding import Finding, Part, listed
from ops.contracts.compatibility.forms import Shapes
from ops.contracts.compatibility.values import Limit
from ops.contracts.rows import bound

_NAMES: Final = {
    "minimum": "a minimum of {}",
    "maximum": "a maximum of {}",
    "exclusiveMinimum": "a minimum above {}",
    "exclusiveMaximum": "a maximum below {}",
    "multipleOf": "multiples of {} only",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "minProperties": "at least {} fields",
    "maxProperties": "at most {} fields",
    "pattern": "the pattern `{}`",
    "format": "the format {}",
    "uniqueItems": "no item twice",
}
_ARTICLES: Final = {"integer": "an integer", "object": "an object", "array": "an array", "null": "null"}


@dataclass(frozen=True)
class Told:
    """A break in words."""

    what: str
    instead: str


def told(found: Break, whole: str, direction: Direction) -> Told:
    """The break in words. `whole`: what the schema describes, such as `the request`."""
    texts = _REQUEST if direction is Direction.REQUEST else _REPLY
    what, instead = texts[found.kind](found, _place(found, whole), whole)
    return Told(what, instead)


def compared(
    part: Part, whole: str, direction: Direction, schemas: tuple[Any, Any], names: tuple[Shapes, Shapes]
) -> Iterator[Finding]:
    """What differs between two schemas: what breaks, or else that one is wider."""
    found = breaks(*schemas, direction, names)
    for one in found:
        words = told(one, whole, direction)
        yield part.breaking(words.what, words.instead)
    other = Direction.REPLY if direction is Direction.REQUEST else Direction.REQUEST
    if not found and any(one.kind is not Kind.DEFAULT for one in breaks(*schemas, other, names)):
        more = "takes more" if direction is Direction.REQUEST else "promises more"
        yield part.compatible(f"{whole} {more} than before")


def _place(found: Break, whole: str) -> str:
    path = field(found.path)
    return f"`{path}` of {whole}" if path else whole


def field(path: tuple[str, ...]) -> str:
    """The name of a field as people write it, such as `lines[].product_id`."""
    return ".".join(path).replace(".[]", "[]")


_Text = tuple[str, str]
_Texts = Mapping[Kind, Callable[[Break, str, str], _Text]]


def _required_in_request(found: Break, _: str, whole: str) -> _Text:
    kind = "the field" if found.narrow else "the new field"
    return f"{whole} now requires {kind} `{field(found.path)}`", "make the field optional"


def _closed_in_request(found: Break, place: str, _: str) -> _Text:
    if found.narrow:
        return f"{place} was free and is now declared", "give it another name"
    return f"{place} no longer takes unknown fields", "ignore unknown fields"


def _closed_in_reply(found: Break, place: str, _: str) -> _Text:
    if found.narrow:
        return f"{place} is no longer declared", "keep the field"
    return f"{place} may now have fields that it does not declare", "declare each field"


def _values_in_request(found: Break, place: str, _: str) -> _Text:
    if found.narrow is None:
        return f"{place} now takes only {_values(found.wide)}", "take the other values too"
    return f"{place} no longer takes {_values(found.narrow)}", "take the old values too"


def _values_in_reply(found: Break, place: str, _: str) -> _Text:
    if found.narrow is None:
        return f"{place} may now have other values than {_values(found.wide)}", "put new values into a new field"
    return f"{place} may now be {_values(found.narrow)}", "put new values into a new field"


def _type_in_reply(found: Break, place: str, _: str) -> _Text:
    instead = "always send a value" if found.narrow == "null" else "keep the type and add a new field"
    return f"{place} may now be {_type(found.narrow)}", instead


def _bound_in_request(found: Break, place: str, _: str) -> _Text:
    before = f", before {_bound(found.narrow)}" if found.narrow is not None else ""
    return f"{place} now has {_bound(found.wide)}{before}", "take the old values too"


def _bound_in_reply(found: Break, place: str, _: str) -> _Text:
    now = f", now {_bound(found.narrow)}" if found.narrow is not None else ""
    return f"{place} no longer has {_bound(found.wide)}{now}", "keep the bound and add a new field"


def _default(found: Break, place: str, _: str) -> _Text:
    now = f" but {listed(found.wide)}" if found.wide else ""
    return f"the default of {place} is no longer {listed(found.narrow)}{now}", "keep the default"


def _unjudged(found: Break, place: str, _: str) -> _Text:
    return f"{place} has another `{found.keyword}`, which cannot be judged", ""


_REQUEST: Final[_Texts] = {
    Kind.REQUIRED: _required_in_request,
    Kind.REMOVED: lambda _, place, __: (f"{place} is removed", "keep the field and ignore it"),
    Kind.ADDED: lambda _, place, __: (f"{place} is refused", "take the field and ignore it"),
    Kind.CLOSED: _closed_in_request,
    Kind.TYPE: lambda found, place, _: (
        f"{place} no longer takes {_type(found.narrow)}",
        f"take {_type(found.narrow)} too",
    ),
    Kind.VALUES: _values_in_request,
    Kind.BOUND: _bound_in_request,
    Kind.DEFAULT: _default,
    Kind.UNJUDGED: _unjudged,
}
_REPLY: Final[_Texts] = {
    Kind.REQUIRED: lambda _, place, __: (f"{place} may now be left out", "always send the field"),
    Kind.REMOVED: lambda _, place, __: (f"{place} is removed", "keep the field"),
    Kind.ADDED: lambda _, place, __: (f"{place} is new, and its readers refuse unknown fields", ""),
    Kind.CLOSED: _closed_in_reply,
    Kind.TYPE: _type_in_reply,
    Kind.VALUES: _values_in_reply,
    Kind.BOUND: _bound_in_reply,
    Kind.DEFAULT: _default,
    Kind.UNJUDGED: _unjudged,
}


def _type(kind: str) -> str:
    return _ARTICLES.get(kind, f"a {kind}")


def _bound(limit: Limit) -> str:
    keyword, value = limit
    return bound(_NAMES[keyword], value)


def _values(values: list[Any]) -> str:
    return listed([f"`{value}`" if isinstance(value, str) else str(value).lower() for value in values])
