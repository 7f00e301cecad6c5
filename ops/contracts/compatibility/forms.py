"""Brings a JSON Schema into the form that is compared: alternatives with one type each, without references."""

import json
from collections.abc import Mapping
from typing import Any, Final

from ops.contracts.shapes import Schema

Shapes = Mapping[str, Schema]
"""What references name."""

TYPES: Final = ("object", "array", "string", "number", "boolean", "null")
KEYWORDS: Final[Mapping[str, frozenset[str]]] = {
    "object": frozenset({"properties", "required", "additionalProperties", "minProperties", "maxProperties"}),
    "array": frozenset({"items", "minItems", "maxItems", "uniqueItems"}),
    "string": frozenset({"minLength", "maxLength", "pattern", "format"}),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "format"}),
    "boolean": frozenset(),
    "null": frozenset(),
}
"""The keywords that are understood, by the type that they bound."""
ANNOTATIONS: Final = frozenset(
    {"title", "description", "examples", "example", "$comment", "deprecated", "readOnly", "writeOnly", "default"}
    | {"x-enum", "x-known-values", "x-identifies", "x-secret", "x-enum-varnames"}
)
"""Keywords that refuse no value."""
_PYTHON: Final[Mapping[str, tuple[type, ...]]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
_JUDGED: Final = frozenset({"type", "enum"}).union(*KEYWORDS.values())
PATTERNS: Final = "patternProperties"
_OF_OBJECTS: Final = frozenset({"properties", "additionalProperties", PATTERNS})
_WITH_PATTERNS: Final = _OF_OBJECTS | {"required"}


def alternatives(schema: Any, shapes: Shapes, seen: frozenset[str] = frozenset()) -> tuple[Schema, ...]:  # noqa: ANN401
    """The forms that a value may have, each with one `type` and the keywords that bound it. None for `false`.

    `const` is an `enum` of one value. Raises ValueError for a reference that leads nowhere.
    """
    if isinstance(schema, bool):
        return alternatives({}, shapes) if schema else ()
    if "$ref" in schema:
        name = named(schema["$ref"])
        if name in seen:
            return ()  # a shape that is only itself
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        return alternatives(_both(_shape(name, shapes), rest), shapes, seen | {name})
    if "anyOf" in schema:
        rest = {key: value for key, value in schema.items() if key != "anyOf"}
        options = [_both(option, rest) for option in schema["anyOf"]]
        return tuple(one for option in options for one in alternatives(option, shapes, seen))
    if len(schema.get("allOf", ())) == 1:
        rest = {key: value for key, value in schema.items() if key != "allOf"}
        both = _both(schema["allOf"][0], rest)
        if "allOf" not in both:
            return alternatives(both, shapes, seen)
    types = schema.get("type", TYPES)
    forms = [_of_type(schema, kind) for kind in ([types] if isinstance(types, str) else types)]
    return tuple(form for form in forms if form.get("enum") != [])


def named(reference: str) -> str:
    """The name of the shape that a reference names."""
    return reference.rpartition("/")[2]


def _shape(name: str, shapes: Shapes) -> Schema:
    if name not in shapes:
        raise ValueError(f"lacks the shape {name!r}")
    return shapes[name]


def _both(schema: Any, rest: Schema) -> Schema:  # noqa: ANN401  # a schema may be true or false
    """One schema that asks for both; with `allOf` if no merger does."""
    if isinstance(schema, bool):
        return rest if schema else {"enum": []}
    bounds = {key: value for key, value in rest.items() if key not in ANNOTATIONS}
    clash = any(schema.get(key, value) != value for key, value in bounds.items())
    if clash or (bounds.keys() & _OF_OBJECTS and schema.keys() & _OF_OBJECTS):
        return {"allOf": [schema, bounds], **{key: value for key, value in rest.items() if key in ANNOTATIONS}}
    return {**schema, **rest}


def _of_type(schema: Schema, kind: str) -> Schema:
    kept = KEYWORDS["number" if kind == "integer" else kind]
    form = {key: value for key, value in schema.items() if key in kept or key in ANNOTATIONS or key not in _JUDGED}
    values = [form.pop("const")] if "const" in form else schema.get("enum")
    if values is not None:
        form["enum"] = [value for value in values if is_of(value, kind)]
    return {**form, "type": kind}


def unjudged(form: Schema) -> Schema:
    """The keywords of a form that are not understood. With patterns of names, no field is."""
    judged = _JUDGED - _WITH_PATTERNS if PATTERNS in form else _JUDGED
    return {key: value for key, value in form.items() if key not in ANNOTATIONS and key not in judged}


def is_of(value: object, kind: str) -> bool:
    """Whether a JSON value has a type."""
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer":
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return isinstance(value, _PYTHON[kind])


def written(value: Any) -> str:  # noqa: ANN401  # any JSON
    """The value in a form that equal JSON values share."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def expanded(schema: Any, shapes: Shapes, seen: frozenset[str] = frozenset()) -> Any:  # noqa: ANN401  # any JSON
    """The schema with each reference replaced, but for those inside themselves: to compare what is not understood."""
    if isinstance(schema, list):
        return [expanded(one, shapes, seen) for one in schema]
    if not isinstance(schema, dict):
        return schema
    rest = {key: expanded(value, shapes, seen) for key, value in schema.items() if key != "$ref"}
    name = named(schema["$ref"]) if isinstance(schema.get("$ref"), str) else None
    if name is None or name in seen:
        return {**rest, "$ref": name} if name else rest
    return {**rest, "$ref": expanded(_shape(name, shapes), shapes, seen | {name})}
