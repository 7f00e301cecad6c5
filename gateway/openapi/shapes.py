"""Makes the schemas say what is so, and more than FastAPI does: parameters without null, names of values."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_NULL: Final = {"type": "null"}
_PLACE: Final = "#/components/schemas/"


def named(schema: Mapping[str, Any]) -> str:
    """The name of the schema that is referred to; empty if none is."""
    return str(schema.get("$ref", "")).removeprefix(_PLACE)


def without_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a parameter that may be omitted: text has no null."""
    if _NULL not in schema.get("anyOf", ()):
        return dict(schema)
    kept = [one for one in schema["anyOf"] if one != _NULL]
    rest = {key: value for key, value in schema.items() if key != "anyOf" and not (key == "default" and value is None)}
    return {**kept[0], **rest} if len(kept) == 1 else {**rest, "anyOf": kept}


def name_values(schemas: Mapping[str, dict[str, Any]]) -> None:
    """Give each value of an enum a name that is an identifier, for generators of clients."""
    for schema in _each(schemas):
        values = schema.get("enum")
        if isinstance(values, list) and all(isinstance(value, str) for value in values):
            schema["x-enum-varnames"] = [_identifier(value) for value in values]


def complete_examples(schemas: Mapping[str, dict[str, Any]]) -> None:
    """Put back the nulls of examples, which FastAPI leaves out of its document."""
    for schema in schemas.values():
        for example in schema.get("examples", ()):
            _complete(example, schema, schemas)


def _complete(example: object, schema: Mapping[str, Any], schemas: Mapping[str, dict[str, Any]]) -> None:
    whole = schemas.get(named(schema), schema)
    if isinstance(example, list):
        for one in example:
            _complete(one, whole.get("items", {}), schemas)
    elif isinstance(example, dict):
        for name, of_field in whole.get("properties", {}).items():
            if name in example:
                _complete(example[name], of_field, schemas)
            elif name in whole.get("required", ()) and _NULL in of_field.get("anyOf", ()):
                example[name] = None


def type_nulls(schemas: Mapping[str, dict[str, Any]]) -> None:
    """Give a field that is always null the type of a text too: generators of clients know no type of null alone.

    `const` says that it is never a text.
    """
    for schema in schemas.values():
        for field in schema.get("properties", {}).values():
            if field.get("type") == "null":
                field.update({"type": ["string", "null"], "const": None})


def write_integers(schemas: Mapping[str, dict[str, Any]]) -> None:
    """Write the bounds of integers as such. FastAPI writes 200 as 200.0, which some generators copy."""
    for schema in _each(schemas):
        for keyword in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
            if isinstance(bound := schema.get(keyword), float) and bound.is_integer():
                schema[keyword] = int(bound)


def _identifier(value: str) -> str:
    """`-city` sorts descending."""
    text = re.sub(r"\W", "_", value.removeprefix("-")).upper()
    return f"{text}_DESCENDING" if value.startswith("-") else text


def _each(node: object) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from _each(value)
    elif isinstance(node, list):
        for value in node:
            yield from _each(value)
