"""Describes a JSON Schema in words: one row for each field, for pages that people read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ops.contracts.shapes import Schema

_BOUNDS: Final = {
    ("minimum", "maximum"): "{} to {}",
    ("minLength", "maxLength"): "{} to {} characters",
    ("minItems", "maxItems"): "{} to {} items",
}
_LEAST: Final = {"minimum": "at least {}", "minLength": "at least {} characters", "minItems": "at least {} items"}
_MOST: Final = {"maximum": "at most {}", "maxLength": "at most {} characters", "maxItems": "at most {} items"}


@dataclass(frozen=True)
class Kind:
    """The type of a field: `before` and `after` stand around `shape`, the name of a shape if there is one."""

    before: str
    shape: str = ""
    after: str = ""

    def __str__(self) -> str:
        return f"{self.before}{self.shape}{self.after}"


@dataclass(frozen=True)
class Row:
    """One field."""

    name: str
    required: bool
    kind: Kind
    notes: tuple[str, ...]
    """Bounds and marks."""
    pattern: str
    description: str


def rows(schema: Schema) -> tuple[Row, ...]:
    """The fields of an object, in their order."""
    required = schema.get("required", ())
    return tuple(
        Row(
            name,
            name in required,
            kind(field),
            tuple(_notes(field)),
            _anywhere(field, "pattern"),
            field.get("description", ""),
        )
        for name, field in schema.get("properties", {}).items()
    )


def values(schema: Schema) -> tuple[str, ...]:
    """The values of an enumeration; empty for any other shape."""
    return tuple(map(str, schema.get("enum", ())))


def kind(schema: Schema) -> Kind:  # noqa: PLR0911  # one for each form of a schema
    """The type in words."""
    match schema:
        case {"$ref": str(reference)}:
            return Kind("", reference.rpartition("/")[2])
        case {"anyOf": [one, {"type": "null"}]}:
            inner = kind(one)
            return Kind(inner.before, inner.shape, f"{inner.after} or null")
        case {"const": constant}:
            return Kind(f"the constant {_literal(constant)}")
        case {"enum": listed}:
            return Kind(" or ".join(map(str, listed)))
        case {"type": "array", "items": items}:
            inner = kind(items)
            return Kind(f"list of {inner.before}", inner.shape, inner.after)
        case {"type": list(types)}:
            return Kind(" or ".join(types))
        case {"type": str(only)}:
            return Kind(schema.get("format", only))
    return Kind("any value")


def _literal(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


def _notes(field: Schema) -> Iterator[str]:
    inner = field.get("items", {})
    if isinstance(field.get("type"), list) and "format" in field:
        yield field["format"]
    yield from _bounds(field)
    for note in _bounds(inner):
        yield f"each {note}"
    if "default" in field:
        yield f"default {_literal(field['default'])}"
    if "x-identifies" in field:
        yield f"identifies {field['x-identifies'].replace('_', ' ')}"
    if "x-secret" in field:
        yield "secret: never log it"
    if field.get("x-enum") == "open":
        yield "expect other values"


def bound(text: str, value: object) -> str:
    """The text with the value of a bound: `at least 2 items`, `at least 1 item`."""
    said = text.format(value)
    return said.removesuffix("s") if value == 1 else said


def _bounds(field: Mapping[str, Any]) -> Iterator[str]:
    for (least, most), text in _BOUNDS.items():
        if least in field and most in field:
            yield text.format(field[least], field[most])
        elif least in field:
            yield bound(_LEAST[least], field[least])
        elif most in field:
            yield bound(_MOST[most], field[most])


def _anywhere(field: Schema, keyword: str) -> str:
    found: str = field.get(keyword) or field.get("items", {}).get(keyword, "")
    return found
