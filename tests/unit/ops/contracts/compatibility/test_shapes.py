"""Each change of a schema is judged and told as the table says."""

from typing import Any

import pytest

from ops.contracts.compatibility.comparing import Direction, Kind, breaks
from ops.contracts.compatibility.finding import Part
from ops.contracts.compatibility.wording import compared
from tests.unit.ops.contracts.compatibility.schema_cases import CASES, IN, NODE, OUT, S_NULL, I, S, x

PART = Part("customers.update", "its caller gateway", "a new subject customers.update.v2")
TEXT = {"Text": S}


def node(value: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401  # any keyword
    fields = {"value": value, "next": {"anyOf": [NODE, {"type": "null"}]}}
    return {"Node": {"type": "object", "properties": fields, "additionalProperties": False, **more}, **TEXT}


def sentence(said: str) -> str:
    what, breaking, instead = said.partition(" | ")
    if not breaking:
        return f"customers.update: {what}"
    way = f"{instead}, or publish" if instead else "publish"
    return (
        f"customers.update: {what}, which breaks its caller gateway: {way} a new subject customers.update.v2 beside it"
    )


@pytest.mark.parametrize(("direction", "old", "new", "said"), CASES)
def test_a_change_is_told_in_one_sentence(
    direction: Direction, old: dict[str, Any], new: dict[str, Any], said: str
) -> None:
    whole = "the request" if direction is IN else "the reply"
    found = [*compared(PART, whole, direction, (old, new), (node(S), node(S)))]
    assert ([sentence(said)] if said else []) == [one.sentence for one in found]
    assert [" | " in said][: len(found)] == [one.breaks for one in found]


def test_there_are_cases_of_both_directions_and_outcomes() -> None:
    assert 80 <= len(CASES)
    outcomes = {(direction, " | " in said) for direction, _, __, said in CASES}
    assert {(IN, True), (IN, False), (OUT, True), (OUT, False)} == outcomes


def test_a_shape_inside_itself_is_compared_once() -> None:
    [found] = breaks(NODE, NODE, IN, (node(S_NULL), node(S)))
    assert (Kind.TYPE, ("value",), "null") == (found.kind, found.path, found.narrow)
    assert [] == breaks(NODE, NODE, IN, (node(S), node(S_NULL)))
    assert [Kind.REQUIRED] == [one.kind for one in breaks(NODE, NODE, IN, (node(S), node(S, required=["next"])))]


def test_a_change_that_only_a_reference_shows_is_found() -> None:
    shape = {"type": "object", "properties": {"x": {"$ref": "#/$defs/Text"}}}
    assert [Kind.TYPE] == [one.kind for one in breaks(shape, shape, OUT, ({"Text": S}, {"Text": I}))]
    negated = {"not": {"$ref": "#/$defs/Text"}}
    assert {Kind.UNJUDGED} == {one.kind for one in breaks(negated, negated, OUT, ({"Text": S}, {"Text": I}))}
    assert [] == breaks(negated, negated, OUT, ({"Text": S}, {"Text": {**S, "title": "a"}}))


def test_each_change_of_a_field_is_a_finding_of_its_own() -> None:
    found = breaks(x({**S, "maxLength": 9}), x({**S, "maxLength": 5, "minLength": 3}, required=True), IN)
    assert [Kind.REQUIRED, Kind.BOUND, Kind.BOUND] == [one.kind for one in found]


@pytest.mark.parametrize(
    "wrong",
    [
        {"$ref": "#/$defs/Gone"},
        {"type": "string", "maxLength": "9"},
        {"type": "colour"},
        {"enum": 5},
        {"anyOf": 5},
        7,
    ],
)
@pytest.mark.parametrize("direction", Direction)
def test_what_is_no_schema_is_a_clear_error(wrong: Any, direction: Direction) -> None:  # noqa: ANN401  # any JSON
    for pair in ((x(S), x(wrong)), (x(wrong), x(S))):
        with pytest.raises(ValueError, match=r"schema that cannot be read|lacks the shape"):
            breaks(*pair, direction)
