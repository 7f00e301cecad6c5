"""Arguments of a request as a person types them."""

import json

import pytest
import typer

from cli.calling.arguments import payload
from cli.calling.fields import field_rows
from cli.calling.subject import endpoint_of


@pytest.mark.parametrize(
    ("given", "subject", "expected"),
    [
        ((), "customers.list", {}),
        (('{"customer_id": "ALFKI"}',), "customers.get", {"customer_id": "ALFKI"}),
        (("customer_id=ALFKI",), "customers.get", {"customer_id": "ALFKI"}),
        (("customer_id=12345",), "customers.get", {"customer_id": "12345"}),
        (("limit=3",), "customers.list", {"limit": 3}),
        (("limit=three",), "customers.list", {"limit": "three"}),
        (("customer_ids:=[1]",), "customers.get_many", {"customer_ids": [1]}),
        (('customer_ids=["ALFKI"]',), "customers.get_many", {"customer_ids": ["ALFKI"]}),
        (("a=1", "b=x=y", "c="), "nobody.knows", {"a": 1, "b": "x=y", "c": ""}),
        (("customer_id:=null",), "customers.get", {"customer_id": None}),
    ],
)
def test_fields_become_what_the_contract_wants(given: tuple[str, ...], subject: str, expected: object) -> None:
    assert expected == json.loads(payload(given, endpoint_of(subject)))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("customer_id=ALFKI", "ALFKI"), "'ALFKI' is no field"),
        (("limit=1", "limit=2"), "given twice"),
        (("limit:=three",), "no JSON"),
    ],
)
def test_what_is_no_argument_is_told(given: tuple[str, ...], message: str) -> None:
    with pytest.raises(typer.BadParameter, match=message):
        payload(given, endpoint_of("customers.list"))


def test_a_field_that_is_a_list_of_objects_shows_their_fields() -> None:
    line = {"type": "object", "title": "Line", "properties": {"quantity": {"type": "integer", "minimum": 1}}}
    schema = {"properties": {"lines": {"type": "array", "items": line}}, "required": ["lines"]}
    assert [
        ("lines", "list of Line", ""),
        ("lines[].quantity", "integer", ">= 1; optional"),
    ] == list(field_rows(schema))


@pytest.mark.parametrize(("least", "said"), [(1, "at least 1 item"), (2, "at least 2 items")])
def test_one_item_is_one(least: int, said: str) -> None:
    schema = {"properties": {"ids": {"type": "array", "minItems": least}}, "required": ["ids"]}
    assert [said] == [row[2] for row in field_rows(schema)]
