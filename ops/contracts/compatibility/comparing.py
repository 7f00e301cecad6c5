"""Finds where a schema refuses what another one takes: the one question behind every change of a shape.

A new request must take whatever the old one took. An old reader must take whatever a new reply may have.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Any, Final

from mesh.core.contract import without_prose
from ops.contracts.compatibility.forms import (
    ANNOTATIONS,
    PATTERNS,
    Shapes,
    alternatives,
    expanded,
    is_of,
    unjudged,
    written,
)
from ops.contracts.compatibility.values import admits, bounds, lists
from ops.contracts.shapes import Schema


class Direction(StrEnum):
    """Which side may not refuse."""

    REQUEST = auto()
    """The new side reads what old callers send."""
    REPLY = auto()
    """Old readers read what the new side sends."""


class Kind(StrEnum):
    """What one break is about."""

    REQUIRED = auto()
    REMOVED = auto()
    ADDED = auto()
    CLOSED = auto()
    TYPE = auto()
    VALUES = auto()
    BOUND = auto()
    DEFAULT = auto()
    UNJUDGED = auto()


@dataclass(frozen=True)
class Break:
    """A value that one side has and the other one refuses."""

    kind: Kind
    path: tuple[str, ...]
    """Names of fields; `[]` is each item of a list, `*` each field of a map."""
    narrow: Any = None
    wide: Any = None
    keyword: str = ""


def breaks(old: Schema, new: Schema, direction: Direction, shapes: tuple[Shapes, Shapes] = ({}, {})) -> list[Break]:
    """What the change from `old` to `new` breaks. `shapes`: what the references of each name.

    `narrow` and `wide` of a break are the old and the new side of a request, the new and the old side of a reply.
    Raises ValueError if a schema cannot be read.
    """
    try:
        if direction is Direction.REQUEST:
            found = _Comparison(shapes[0], shapes[1], direction).schemas(old, new, ())
        else:
            found = _Comparison(shapes[1], shapes[0], direction).schemas(new, old, ())
        return list(found)
    except (TypeError, AttributeError, ArithmeticError, KeyError, RecursionError) as error:
        raise ValueError(f"has a schema that cannot be read: {error}") from None


_OPEN: Final = "open"


class _Comparison:
    def __init__(self, narrow: Shapes, wide: Shapes, direction: Direction) -> None:
        self._narrow = narrow
        self._wide = wide
        self._direction = direction
        self._under_way: set[tuple[str, str]] = set()

    def schemas(self, narrow: Any, wide: Any, path: tuple[str, ...]) -> Iterator[Break]:  # noqa: ANN401  # may be bool
        """The breaks between two schemas."""
        readers = self._open(alternatives(wide, self._wide))
        for form in self._open(alternatives(narrow, self._narrow)):
            yield from self._form(form, readers, path)

    def _open(self, forms: tuple[Schema, ...]) -> tuple[Schema, ...]:
        """The forms without the list of an enumeration whose readers expect other values."""
        if self._direction is Direction.REQUEST:
            return forms
        return tuple({k: v for k, v in form.items() if k != "enum" or form.get("x-enum") != _OPEN} for form in forms)

    def _form(self, form: Schema, readers: tuple[Schema, ...], path: tuple[str, ...]) -> Iterator[Break]:
        kind = form["type"]
        if "enum" in form:
            of_type = [one for one in readers if any(is_of(value, one["type"]) for value in form["enum"])]
            wrong = [value for value in form["enum"] if not any(self._takes(one, value, form) for one in of_type)]
            if wrong:
                yield Break(Kind.VALUES if of_type else Kind.TYPE, path, wrong if of_type else kind, readers)
            return
        fitting = [one for one in readers if one["type"] in (kind, "number" if kind == "integer" else kind)]
        if not fitting:
            yield Break(Kind.TYPE, path, kind, [one["type"] for one in readers])
            return
        yield from min((self._pair(form, one, path) for one in fitting), key=len)

    def _pair(self, narrow: Schema, wide: Schema, path: tuple[str, ...]) -> list[Break]:
        """The breaks between two forms. A pair inside itself holds if all around it holds."""
        pair = (written(narrow), written(wide))
        if pair in self._under_way:
            return []
        self._under_way.add(pair)
        found = [*self._one(narrow, wide, path)]
        self._under_way.remove(pair)
        return found

    def _takes(self, reader: Schema, value: object, form: Schema) -> bool:
        """Whether the reader takes a value that the form lists. Bounds of both that are the same hold already."""
        ours, theirs = expanded(_bounds(form), self._narrow), expanded(_bounds(reader), self._wide)
        if written(ours) == written(theirs):
            return lists(reader, value)
        if not [*self._unjudged(form, reader, ())]:
            reader = {key: one for key, one in reader.items() if key not in unjudged(reader)}
        return admits(reader, value)

    def _one(self, narrow: Schema, wide: Schema, path: tuple[str, ...]) -> Iterator[Break]:
        """The breaks between two forms that have one type; `narrow` lists no values."""
        if "enum" in wide:
            yield Break(Kind.VALUES, path, None, wide["enum"])
            return
        yield from self._unjudged(narrow, wide, path)
        for one in bounds(narrow, wide):
            yield Break(Kind.BOUND, path, one.narrow, one.wide)
        if wide["type"] == "array" and narrow.get("maxItems") != 0:
            yield from self.schemas(narrow.get("items", True), wide.get("items", True), (*path, "[]"))
        if wide["type"] == "object" and PATTERNS not in narrow and PATTERNS not in wide:
            yield from self._objects(narrow, wide, path)

    def _unjudged(self, narrow: Schema, wide: Schema, path: tuple[str, ...]) -> Iterator[Break]:
        if not wide.keys() - ANNOTATIONS - {"type"}:
            return  # it takes anything of the type
        ours, theirs = unjudged(narrow), unjudged(wide)
        for keyword in sorted(ours.keys() | theirs.keys()):
            one = without_prose(expanded(ours.get(keyword), self._narrow))
            other = without_prose(expanded(theirs.get(keyword), self._wide))
            if written(one) != written(other):
                yield Break(Kind.UNJUDGED, path, one, other, keyword)

    def _objects(self, narrow: Schema, wide: Schema, path: tuple[str, ...]) -> Iterator[Break]:
        ours, theirs = narrow.get("properties", {}), wide.get("properties", {})
        needed = {*wide.get("required", ())} - {*narrow.get("required", ())}
        for name in dict.fromkeys((*theirs, *ours, *sorted(needed))):
            place = (*path, name)
            if self._is_removed(name, ours, theirs):
                yield Break(Kind.REMOVED, place)
                continue
            if name in needed:
                yield Break(Kind.REQUIRED, place, name in ours)
            yield from self._field(name, narrow, wide, place)
        yield from self._others(_rest(narrow), _rest(wide), path)

    def _is_removed(self, name: str, ours: Schema, theirs: Schema) -> bool:
        if self._direction is Direction.REQUEST:
            return name in ours and name not in theirs
        return name in theirs and name not in ours

    def _field(self, name: str, narrow: Schema, wide: Schema, path: tuple[str, ...]) -> Iterator[Break]:
        ours = narrow.get("properties", {}).get(name, _rest(narrow))
        theirs = wide.get("properties", {}).get(name, _rest(wide))
        if ours is False:
            return  # nobody sends it
        if theirs is False:
            yield Break(Kind.ADDED, path)
            return
        found = [*self.schemas(ours, theirs, path)]
        if found and name not in narrow.get("properties", {}):
            yield Break(Kind.CLOSED, path, narrow=True)  # whatever stands there was free before
            return
        yield from found
        if self._direction is Direction.REQUEST and name in narrow.get("properties", {}):
            yield from self._default(ours, theirs, path)

    def _default(self, ours: Any, theirs: Any, path: tuple[str, ...]) -> Iterator[Break]:  # noqa: ANN401  # may be bool
        before, after = _defaults(ours, self._narrow), _defaults(theirs, self._wide)
        if before and before != after:
            yield Break(Kind.DEFAULT, path, before, after)

    def _others(self, ours: Any, theirs: Any, path: tuple[str, ...]) -> Iterator[Break]:  # noqa: ANN401  # may be bool
        """The fields without a name of their own."""
        if ours is False:
            return
        if theirs is False:
            yield Break(Kind.CLOSED, path)
            return
        yield from self.schemas(ours, theirs, (*path, "*"))


def _bounds(form: Schema) -> Schema:
    return {key: value for key, value in form.items() if key != "enum" and key not in ANNOTATIONS}


def _rest(form: Schema) -> Any:  # noqa: ANN401  # a schema may be true or false
    """What a field without a name of its own may be."""
    return form.get("additionalProperties", True)


def _defaults(schema: Any, shapes: Shapes) -> list[str]:  # noqa: ANN401  # a schema may be true or false
    return list(dict.fromkeys(written(form["default"]) for form in alternatives(schema, shapes) if "default" in form))
