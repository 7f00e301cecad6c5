"""What the comparison calls compatible, a validator of JSON Schema finds compatible: no instance is refused."""

from collections.abc import Callable
from functools import reduce
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from ops.contracts.compatibility.comparing import Direction, breaks
from tests.support.long_form import LONG

Schema = dict[str, Any]
Draw = Callable[[st.SearchStrategy[Any]], Any]

_WORDS: Final = st.sampled_from(["", "a", "ab", "abc", "b1", "1"])
_NUMBERS: Final = st.sampled_from([-1, 0, 1, 2, 3, 0.5, 4.0])
_SMALL: Final = st.integers(0, 3)
_VALUES: Final = st.one_of(_WORDS, _NUMBERS, st.booleans(), st.none())
_SCALARS: Final = ("", "a", "ab", "abc", "b1", "1", -1, 0, 1, 2, 3, 0.5, 4.0, True, None)
_INSTANCES: Final = (
    *_SCALARS,
    *([], [1], ["a", "a"], [None, 1, "b1"], [[1], {}], [{"x": 1}], [True, 4, "", 0]),
    *({name: value} for name in "xyz" for value in ("a", "abc", 1, 0.5, None, [1], {"x": "b1"})),
    *({}, {"x": 1, "y": "a"}, {"x": "a", "y": "b1", "z": 1}, {"w": 1}, {"x": {"x": {"x": None}}}, {"x": {"x": 3}}),
)
_SHAPES: Final[Schema] = {
    "Text": {"type": "string", "maxLength": 2},
    "Node": {"type": "object", "properties": {"x": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}}},
}
_SETTINGS: Final = settings(
    max_examples=5000 if LONG else 80,
    deadline=None,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def _some(**keywords: st.SearchStrategy[Any]) -> st.SearchStrategy[Schema]:
    return st.fixed_dictionaries({}, optional=keywords)


def _with(kind: str, **keywords: st.SearchStrategy[Any]) -> st.SearchStrategy[Schema]:
    return _some(**keywords).map(lambda found: {"type": kind, **found})


_LIMITS: Final = {
    "minimum": _NUMBERS,
    "maximum": _NUMBERS,
    "exclusiveMinimum": _NUMBERS,
    "exclusiveMaximum": _NUMBERS,
    "multipleOf": st.sampled_from([1, 2, 0.5]),
}
_LEAVES: Final = st.one_of(
    st.booleans(),
    st.just({}),
    _with("string", minLength=_SMALL, maxLength=_SMALL, pattern=st.sampled_from(["^a", "1$"])),
    _with("integer", **_LIMITS),
    _with("number", **_LIMITS),
    st.sampled_from(
        [{"type": "boolean"}, {"type": "null"}, {"type": ["string", "null"]}, {"type": ["integer", "string"]}]
    ),
    st.lists(_VALUES, min_size=1, max_size=4).map(lambda values: {"enum": values}),
    _VALUES.map(lambda value: {"const": value}),
    st.sampled_from([{"$ref": "#/$defs/Text"}, {"$ref": "#/$defs/Node"}, {"not": {"type": "string"}}]),
)


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        _with("array", items=inner, minItems=_SMALL, maxItems=_SMALL, uniqueItems=st.booleans()),
        _with(
            "object",
            properties=st.dictionaries(st.sampled_from("xyz"), inner, max_size=2),
            required=st.lists(st.sampled_from("xy"), max_size=1),
            additionalProperties=inner,
            minProperties=_SMALL,
            maxProperties=_SMALL,
            patternProperties=st.just({"^z": {"type": "integer"}}),
        ),
        st.lists(inner, min_size=1, max_size=2).map(lambda options: {"anyOf": options}),
        st.lists(inner, min_size=1, max_size=1).map(lambda options: {"allOf": options, "minimum": 1}),
    )


_SCHEMAS: Final = st.recursive(_LEAVES, _nested, max_leaves=5)


@st.composite
def changes(draw: Draw) -> tuple[Any, Any]:
    """A schema, and the schema after a few small changes."""
    old = draw(_SCHEMAS)
    edits = draw(st.integers(0, 2))
    return old, reduce(lambda schema, _: _changed(draw, schema), range(edits), old)


def _changed(draw: Draw, schema: Any) -> Any:  # noqa: ANN401  # a schema may be true or false
    """The schema with one change, here or further inside."""
    if isinstance(schema, bool) or not schema or draw(st.integers(0, 5)) == 0:
        return draw(_SCHEMAS)
    keyword = draw(st.sampled_from(sorted(schema)))
    value = schema[keyword]
    match keyword:
        case "items" | "additionalProperties":
            return {**schema, keyword: _changed(draw, value)}
        case "properties" if value:
            name = draw(st.sampled_from(sorted(value)))
            return {**schema, keyword: {**value, name: _changed(draw, value[name])}}
        case "anyOf" | "allOf":
            return {**schema, keyword: [_changed(draw, value[0]), *value[1:]]}
        case "type" | "enum":
            return {"anyOf": [schema, draw(_SCHEMAS)]}
    return {one: other for one, other in schema.items() if one != keyword}


def _whole(schema: Any) -> Schema:  # noqa: ANN401  # the same
    return {"$defs": _SHAPES, "allOf": [schema]}


def _compatible(old: Any, new: Any, direction: Direction) -> bool:  # noqa: ANN401  # the same
    return not breaks(old, new, direction, (_SHAPES, _SHAPES))


@given(change=changes())
@_SETTINGS
def test_no_instance_is_refused_after_a_compatible_change(change: tuple[Any, Any]) -> None:
    old, new = (Draft202012Validator(_whole(schema)) for schema in change)
    if _compatible(*change, Direction.REQUEST):
        assert [] == [one for one in _INSTANCES if old.is_valid(one) and not new.is_valid(one)]
    if _compatible(*change, Direction.REPLY):
        assert [] == [one for one in _INSTANCES if new.is_valid(one) and not old.is_valid(one)]


@given(schema=_SCHEMAS)
@_SETTINGS
def test_no_change_is_compatible(schema: Any) -> None:  # noqa: ANN401  # the same
    assert _compatible(schema, schema, Direction.REQUEST)
    assert _compatible(schema, schema, Direction.REPLY)


@given(schema=st.dictionaries(st.sampled_from("xyz"), _LEAVES, max_size=3), more=_LEAVES)
@_SETTINGS
def test_an_optional_field_more_in_a_request_is_compatible(schema: Schema, more: Any) -> None:  # noqa: ANN401
    old = {"type": "object", "properties": schema, "additionalProperties": False}
    assert _compatible(old, {**old, "properties": {**schema, "new": more}}, Direction.REQUEST)
    readers = {**old, "additionalProperties": True}
    assert _compatible(readers, {**readers, "properties": {**schema, "new": more}}, Direction.REPLY)
