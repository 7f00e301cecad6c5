"""Changes of a schema, one a line: direction, old, new, and what is said. `breaks | what to do instead` breaks."""

from typing import Any, Final

from ops.contracts.compatibility.comparing import Direction

Schema = dict[str, Any]

IN: Final = Direction.REQUEST
OUT: Final = Direction.REPLY
TAKES: Final = "the request takes more than before"
PROMISES: Final = "the reply promises more than before"
SAME: Final = ""

S: Final[Schema] = {"type": "string"}
I: Final[Schema] = {"type": "integer"}  # noqa: E741  # a table's letter
N: Final[Schema] = {"type": "number"}
B: Final[Schema] = {"type": "boolean"}
NULL: Final[Schema] = {"type": "null"}
S_NULL: Final[Schema] = {"type": ["string", "null"]}
AB: Final[Schema] = {"type": "string", "enum": ["a", "b"], "x-enum": "closed"}
ABC: Final[Schema] = {"type": "string", "enum": ["a", "b", "c"], "x-enum": "closed"}
OPEN_AB: Final[Schema] = {**AB, "x-enum": "open"}
OPEN_ABC: Final[Schema] = {**ABC, "x-enum": "open"}
NODE: Final[Schema] = {"$ref": "#/$defs/Node"}
ONLY_AB: Final[Schema] = {"not": {"enum": ["a", "b"]}}
ONLY_A: Final[Schema] = {"not": {"const": "a"}}


def x(schema: Any, *, required: bool = False, closed: bool = True) -> Schema:  # noqa: ANN401  # a schema may be bool
    """An object with the field `x`."""
    needed = {"required": ["x"]} if required else {}
    return {"type": "object", "properties": {"x": schema}, "additionalProperties": not closed, **needed}


def to_map(schema: Any) -> Schema:  # noqa: ANN401  # the same
    """An object with fields of any name."""
    return {"type": "object", "additionalProperties": schema}


NONE: Final[Schema] = {"type": "object", "additionalProperties": False}
FREE: Final[Schema] = {"type": "object"}

# fmt: off
# ruff: noqa: E501  # one line a case
CASES: Final[tuple[tuple[Direction, Schema, Schema, str], ...]] = (
    # Fields.
    (IN, NONE, x(S), TAKES),
    (IN, NONE, x(S, required=True), "the request now requires the new field `x` | make the field optional"),
    (IN, x(S), x(S, required=True), "the request now requires the field `x` | make the field optional"),
    (IN, x(S, required=True), x(S), TAKES),
    (IN, x(S), NONE, "`x` of the request is removed | keep the field and ignore it"),
    (IN, x(S, closed=False), FREE, "`x` of the request is removed | keep the field and ignore it"),
    (IN, FREE, NONE, "the request no longer takes unknown fields | ignore unknown fields"),
    (IN, NONE, FREE, TAKES),
    (IN, FREE, x(S, closed=False), "`x` of the request was free and is now declared | give it another name"),
    (IN, FREE, x({}, closed=False), SAME),
    (IN, x(x(S)), x(x(S, required=True)), "the request now requires the field `x.x` | make the field optional"),
    (OUT, FREE, x(S, closed=False), PROMISES),
    (OUT, FREE, x(S, required=True, closed=False), PROMISES),
    (OUT, NONE, x(S), "`x` of the reply is new, and its readers refuse unknown fields | "),
    (OUT, x(S, closed=False), FREE, "`x` of the reply is removed | keep the field"),
    (OUT, x(S, required=True, closed=False), FREE, "`x` of the reply is removed | keep the field"),
    (OUT, x(S, required=True), x(S), "`x` of the reply may now be left out | always send the field"),
    (OUT, x(S), x(S, required=True), PROMISES),
    (OUT, NONE, FREE, "the reply may now have fields that it does not declare | declare each field"),
    (OUT, FREE, NONE, PROMISES),
    # Types and null.
    (IN, x(S), x(S_NULL), TAKES),
    (IN, x(S_NULL), x(S), "`x` of the request no longer takes null | take null too"),
    (IN, x(S), x(I), "`x` of the request no longer takes a string | take a string too"),
    (IN, x(I), x(N), TAKES),
    (IN, x(N), x(I), "`x` of the request no longer takes a number | take a number too"),
    (IN, x({"type": ["string", "integer"]}), x(S), "`x` of the request no longer takes an integer | take an integer too"),
    (OUT, x(S), x(S_NULL), "`x` of the reply may now be null | always send a value"),
    (OUT, x(S_NULL), x(S), PROMISES),
    (OUT, x(I), x(N), "`x` of the reply may now be a number | keep the type and add a new field"),
    (OUT, x(N), x(I), PROMISES),
    (OUT, x(S), x({"type": ["string", "boolean"]}), "`x` of the reply may now be a boolean | keep the type and add a new field"),
    (OUT, x(S_NULL), x({"anyOf": [S, NULL]}), SAME),
    (OUT, x({"anyOf": [AB, NULL]}), x(AB), PROMISES),
    (OUT, x(AB), x({"anyOf": [AB, NULL]}), "`x` of the reply may now be null | always send a value"),
    (IN, x({"anyOf": [S, I]}), x({"anyOf": [I, S]}), SAME),
    (IN, x({"anyOf": [S, I]}), x(I), "`x` of the request no longer takes a string | take a string too"),
    # Constants and enumerations.
    (IN, x(AB), x(ABC), TAKES),
    (IN, x(ABC), x(AB), "`x` of the request no longer takes `c` | take the old values too"),
    (IN, x(S), x(AB), "`x` of the request now takes only `a` and `b` | take the other values too"),
    (IN, x(AB), x(S), TAKES),
    (IN, x(AB), x({"type": "string", "maxLength": 1}), TAKES),
    (IN, x({"const": "long"}), x({"type": "string", "maxLength": 1}), "`x` of the request no longer takes `long` | take the old values too"),
    (IN, x({"const": 1}), x({"const": 2}), "`x` of the request no longer takes 1 | take the old values too"),
    (IN, x({"const": 1}), x({"enum": [2, 1.0]}), TAKES),
    (IN, x({"const": True}), x({"const": 1}), "`x` of the request no longer takes a boolean | take a boolean too"),
    (IN, x(AB), x({"anyOf": [{"const": "a"}, {"const": "b"}]}), SAME),
    (OUT, x(AB), x(ABC), "`x` of the reply may now be `c` | put new values into a new field"),
    (OUT, x(ABC), x(AB), PROMISES),
    (OUT, x(AB), x(S), "`x` of the reply may now have other values than `a` and `b` | put new values into a new field"),
    (OUT, x(S), x(AB), PROMISES),
    (OUT, x(OPEN_AB), x(OPEN_ABC), SAME),
    (OUT, x(OPEN_AB), x(S), SAME),
    (OUT, x(AB), x(OPEN_AB), "`x` of the reply may now have other values than `a` and `b` | put new values into a new field"),
    (IN, x(OPEN_ABC), x(OPEN_AB), "`x` of the request no longer takes `c` | take the old values too"),
    # Bounds.
    (IN, x({**S, "maxLength": 80}), x({**S, "maxLength": 100}), TAKES),
    (IN, x({**S, "maxLength": 80}), x({**S, "maxLength": 60}), "`x` of the request now has at most 60 characters, before at most 80 characters | take the old values too"),
    (IN, x(S), x({**S, "maxLength": 60}), "`x` of the request now has at most 60 characters | take the old values too"),
    (IN, x(S), x({**S, "minLength": 1}), "`x` of the request now has at least 1 character | take the old values too"),
    (IN, x({**I, "minimum": 0}), x({**I, "minimum": 1}), "`x` of the request now has a minimum of 1, before a minimum of 0 | take the old values too"),
    (IN, x({**I, "maximum": 9}), x({**I, "maximum": 8}), "`x` of the request now has a maximum of 8, before a maximum of 9 | take the old values too"),
    (IN, x({**I, "minimum": 1}), x({**I, "exclusiveMinimum": 0}), SAME),
    (IN, x({**N, "minimum": 0}), x({**N, "exclusiveMinimum": 0}), "`x` of the request now has a minimum above 0, before a minimum of 0 | take the old values too"),
    (IN, x({**N, "maximum": 5}), x({**N, "exclusiveMaximum": 5}), "`x` of the request now has a maximum below 5, before a maximum of 5 | take the old values too"),
    (IN, x({**I, "multipleOf": 10}), x({**I, "multipleOf": 5}), TAKES),
    (IN, x(I), x({**I, "multipleOf": 5}), "`x` of the request now has multiples of 5 only | take the old values too"),
    (IN, x(S), x({**S, "minimum": 5}), SAME),
    (IN, x({**S, "pattern": "^a$"}), x({**S, "pattern": "^b$"}), "`x` of the request now has the pattern `^b$`, before the pattern `^a$` | take the old values too"),
    (IN, x({**S, "pattern": "^a$"}), x(S), TAKES),
    (IN, x(AB), x({**S, "pattern": "^[ab]$"}), TAKES),
    (IN, x(S), x({**S, "format": "date"}), "`x` of the request now has the format date | take the old values too"),
    (OUT, x({**S, "maxLength": 80}), x({**S, "maxLength": 60}), PROMISES),
    (OUT, x({**S, "maxLength": 80}), x({**S, "maxLength": 90}), "`x` of the reply no longer has at most 80 characters, now at most 90 characters | keep the bound and add a new field"),
    (OUT, x({**I, "minimum": 0}), x(I), "`x` of the reply no longer has a minimum of 0 | keep the bound and add a new field"),
    (OUT, x({**S, "pattern": "^a$"}), x(S), "`x` of the reply no longer has the pattern `^a$` | keep the bound and add a new field"),
    (OUT, x({**S, "format": "date"}), x(S), "`x` of the reply no longer has the format date | keep the bound and add a new field"),
    # Lists and maps.
    (IN, x({"type": "array", "items": S}), x({"type": "array", "items": S_NULL}), TAKES),
    (IN, x({"type": "array", "items": I}), x({"type": "array", "items": S}), "`x[]` of the request no longer takes an integer | take an integer too"),
    (IN, x({"type": "array"}), x({"type": "array", "maxItems": 5}), "`x` of the request now has at most 5 items | take the old values too"),
    (IN, x({"type": "array"}), x({"type": "array", "minItems": 1}), "`x` of the request now has at least 1 item | take the old values too"),
    (IN, x({"type": "array"}), x({"type": "array", "uniqueItems": True}), "`x` of the request now has no item twice | take the old values too"),
    (IN, x({"type": "array", "maxItems": 0}), x({"type": "array", "items": S}), TAKES),
    (OUT, {"type": "array", "items": x(S)}, {"type": "array", "items": x(S_NULL)}, "`[].x` of the reply may now be null | always send a value"),
    (IN, to_map(I), to_map(S), "`*` of the request no longer takes an integer | take an integer too"),
    (OUT, to_map(S), to_map(S_NULL), "`*` of the reply may now be null | always send a value"),
    (IN, to_map(I), {**to_map(I), "maxProperties": 3}, "the request now has at most 3 fields | take the old values too"),
    (IN, x(S), {**x(S), "minProperties": 1}, "the request now has at least 1 field | take the old values too"),
    (IN, x(S, required=True), {**x(S, required=True), "minProperties": 1}, SAME),
    (IN, x(S), {**x(S), "maxProperties": 1}, SAME),
    # References and cycles: Node has `value` and `next`, another Node or null.
    (IN, NODE, NODE, SAME),
    (IN, x({"$ref": "#/$defs/Text"}), x(S), SAME),
    (IN, x({"$ref": "#/$defs/Text", "maxLength": 5}), x({**S, "maxLength": 4}), "`x` of the request now has at most 4 characters, before at most 5 characters | take the old values too"),
    (IN, x({"allOf": [S], "description": "a"}), x(S), SAME),
    # Words and marks.
    (IN, x({**S, "title": "a", "description": "b"}), x({**S, "examples": ["c"], "x-secret": True}), SAME),
    (IN, x({**I, "default": 1}), x({**I, "default": 2}), "the default of `x` of the request is no longer 1 but 2 | keep the default"),
    (IN, x({**I, "default": 1}), x(I), "the default of `x` of the request is no longer 1 | keep the default"),
    (IN, x(I), x({**I, "default": 1}), SAME),
    (OUT, x({**I, "default": 1}), x({**I, "default": 2}), SAME),
    # What nobody can judge.
    (IN, x({**S, **ONLY_AB}), x({**S, **ONLY_A}), "`x` of the request has another `not`, which cannot be judged | "),
    (OUT, x({**S, "contentEncoding": "base64"}), x(S), "`x` of the reply has another `contentEncoding`, which cannot be judged | "),
    (IN, {"type": "object", "patternProperties": {"^a": S}}, {"type": "object", "patternProperties": {"^a": I}}, "the request has another `patternProperties`, which cannot be judged | "),
)
