"""Shows a JSON Schema as rows: each field with its type, its bounds and its meaning."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ops.contracts.rows import bound

Schema = Mapping[str, Any]

_BOUNDS: Final = {
    "minimum": ">= {}",
    "exclusiveMinimum": "> {}",
    "maximum": "<= {}",
    "exclusiveMaximum": "< {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "pattern": "matches {}",
}
_DEEPEST: Final = 6


def field_rows(schema: Schema, path: str = "", depth: int = 0) -> Iterator[tuple[str, str, str]]:
    """Each field of an object and of the objects in it: its path, its type, and what else is said of it."""
    required = schema.get("required", ())
    for name, one in schema.get("properties", {}).items():
        whole, inner = f"{path}{name}", _object_in(one)
        said = [bound(text, one[word]) for word, text in _BOUNDS.items() if word in one]
        said += ["secret"] * bool(one.get("x-secret")) + ["optional"] * (name not in required)
        if "default" in one:
            said.append(f"default {one['default']}")
        yield whole, _type(one), "; ".join([*said, *filter(None, [one.get("description", "")])])
        if inner and depth < _DEEPEST:
            yield from field_rows(inner, f"{whole}{'[]' if one.get('type') == 'array' else ''}.", depth + 1)


def _object_in(schema: Schema) -> Schema | None:
    """The object that a field is, or a list of which it is; None if there is none."""
    candidates = (schema, schema.get("items", {}), *schema.get("anyOf", ()))
    return next((one for one in candidates if one.get("properties")), None)


def _type(schema: Schema) -> str:
    if several := schema.get("anyOf"):
        return " or ".join(map(_type, several))
    if "const" in schema:
        return repr(schema["const"])
    if values := schema.get("enum") or schema.get("x-known-values"):
        return " | ".join(map(str, values))
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if kind == "object":
        return str(schema.get("title", "object"))
    named = " or ".join(kind) if isinstance(kind, list) else str(kind)
    return f"{named} ({schema['format']})" if "format" in schema else named
