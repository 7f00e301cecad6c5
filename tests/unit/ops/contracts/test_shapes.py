"""What a shape's JSON Schema says, to readers and to generators of every language."""

from collections.abc import Iterator
from typing import Annotated, Literal

import pytest
from pydantic import Field

from contracts.base import Money, Patch, Reply, Request, absent
from mesh.wire.problem import Problem
from ops.contracts.document import Declared
from ops.contracts.shapes import Schema, inlined
from ops.contracts.shapes import definitions as of_shapes
from services import PROCESSES
from subjects import ENDPOINTS, EVENTS

SHAPES = Declared(ENDPOINTS, EVENTS, PROCESSES).definitions
REQUESTS = {endpoint.request.__name__ for endpoint in ENDPOINTS}
READ = {e.reply.__name__ for e in ENDPOINTS} | {e.payload.__name__ for e in EVENTS} | {Problem.__name__}


class InnerPatch(Patch):
    """The fields.

    A paragraph that goes on
    below.
    """

    city: str | None = absent()
    price: Money | None = absent()
    """A line
    of text.
    """


class Change(Request):
    """Change it."""

    thing_id: int
    secret: Annotated[str, Field(repr=False)]
    kind: Literal["a", "b"] = "a"
    note: str | None = None
    patch: InnerPatch


class Changed(Reply):
    """It has changed."""

    token: Annotated[str, Field(repr=False)]


MADE = of_shapes([Change], [Changed])


def parts(schema: object) -> Iterator[Schema]:
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from parts(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from parts(value)


def test_every_request_reply_event_problem_and_header_has_a_shape() -> None:
    assert set() == (REQUESTS | READ | {"RequestHeaders", "ErrorHeaders", "EventHeaders"}) - SHAPES.keys()


@pytest.mark.parametrize("name", SHAPES)
def test_no_default_is_null_and_every_enumeration_is_marked(name: str) -> None:
    for part in parts(SHAPES[name]):
        assert part.get("default", "none") is not None
        if isinstance(part.get("enum"), list):
            assert "closed" == part["x-enum"]


@pytest.mark.parametrize("name", SHAPES)
def test_only_a_shape_has_a_title(name: str) -> None:
    assert all("title" not in field for field in SHAPES[name].get("properties", {}).values())


def test_a_worker_refuses_unknown_fields_and_a_reader_ignores_them() -> None:
    assert {False} == {SHAPES[name]["additionalProperties"] for name in REQUESTS}
    assert {True} == {SHAPES[name]["additionalProperties"] for name in READ}


def test_a_change_tells_absent_from_null_and_changes_something() -> None:
    patch = MADE["InnerPatch"]
    assert {"type": ["string", "null"]} == patch["properties"]["city"]
    assert 1 == patch["minProperties"]
    assert "required" not in patch


def test_money_is_a_string_with_a_pattern_of_ascii_digits() -> None:
    money = MADE["InnerPatch"]["properties"]["price"]
    assert (["string", "null"], r"^(0|[1-9][0-9]{0,7})(\.[0-9]{1,2})?$") == (money["type"], money["pattern"])
    assert all(r"\d" not in part["pattern"] for part in parts(SHAPES) if isinstance(part.get("pattern"), str))


def test_secrets_and_keys_are_marked() -> None:
    fields = MADE["Change"]["properties"]
    assert {"type": "string", "writeOnly": True, "x-secret": True} == fields["secret"]
    assert {"type": "string", "x-secret": True} == MADE["Changed"]["properties"]["token"]
    assert {"type": "integer", "x-identifies": "thing"} == fields["thing_id"]
    assert {"default": "a", "enum": ["a", "b"], "type": "string", "x-enum": "closed"} == fields["kind"]


def test_texts_below_a_field_are_its_description_on_one_line() -> None:
    assert "A line of text." == MADE["InnerPatch"]["properties"]["price"]["description"]
    assert "The fields.\n\nA paragraph that goes on below." == MADE["InnerPatch"]["description"]


def test_two_shapes_of_one_name_are_refused() -> None:
    other = type("Changed", (Reply,), {"__doc__": "Another.", "__module__": "elsewhere"})
    with pytest.raises(ValueError, match="two shapes have one name"):
        of_shapes([], [Changed, other])


def test_a_reader_of_an_error_expects_other_codes_and_reasons() -> None:
    fields = SHAPES["Problem"]["properties"]
    assert ("open", "open") == (fields["code"]["x-enum"], fields["reason"]["x-enum"])
    assert "not_found" in fields["code"]["x-known-values"]
    assert "enum" not in fields["code"]


def test_inlined_resolves_every_reference_and_keeps_what_stands_beside_it() -> None:
    schema = inlined({"sort": {"$ref": "#/$defs/Sort", "default": "a"}}, {"Sort": {"type": "string"}})
    assert {"sort": {"type": "string", "default": "a"}} == schema
