"""The pacts in docs/contracts/consumers are what the consumers of this checkout send and read."""

import json

import pytest

from gateway.app import build
from gateway.reads import reads
from gateway.settings import GatewaySettings
from mesh.transport.memory import MemoryBroker, MemoryTransport
from ops.contracts.document import Declared, as_text
from ops.contracts.pacts.expected import expected
from ops.contracts.pacts.recording import calls, of_contracts, recorded
from ops.contracts.shapes import Schema
from services import BY_NAME
from tests.support.paths import ROOT

FOLDER = ROOT / "docs" / "contracts" / "consumers"
EXAMPLES = ROOT / "tests" / "contract" / "examples"
TEXT: Schema = {"type": "string"}


@pytest.fixture(scope="module")
def gateway() -> dict[str, list[Schema]]:
    return reads(build(GatewaySettings.model_construct(), MemoryTransport(MemoryBroker())))


@pytest.mark.parametrize("consumer", BY_NAME)
def test_the_pacts_of_a_consumer_are_up_to_date(
    consumer: str, declared: Declared, gateway: dict[str, list[Schema]]
) -> None:
    made = recorded(
        declared, consumer, gateway if consumer == "gateway" else of_contracts(declared, consumer), EXAMPLES
    )
    kept = {path.stem: path.read_text() for path in (FOLDER / consumer).glob("*.json")}
    assert {provider: as_text(pact) for provider, pact in made.items()} == kept, "run `mesh contracts record`"


def test_the_gateway_tells_what_it_reads_of_each_endpoint_that_it_calls(gateway: dict[str, list[Schema]]) -> None:
    assert {endpoint.subject for endpoint in BY_NAME["gateway"].calls} == gateway.keys()


def test_a_call_of_which_nothing_tells_what_is_read_is_refused(declared: Declared) -> None:
    with pytest.raises(ValueError, match=r"stock calls auth\.jwks, and nothing tells what it reads of the reply"):
        recorded(declared, "stock", {}, EXAMPLES)


def test_an_unknown_consumer_is_refused(declared: Declared) -> None:
    with pytest.raises(ValueError, match="there is no consumer 'nobody': the processes are gateway, auth"):
        calls(declared, "nobody")


def test_a_value_that_the_provider_must_have_is_its_state() -> None:
    pact = json.loads((FOLDER / "gateway" / "customers.json").read_bytes())
    [archive] = [one for one in pact["interactions"] if one["description"] == "customers.archive"]

    assert [{"name": "an access token", "params": {"of": "admin"}}, {"name": "customer"}] == archive["providerStates"]
    assert {"subject": "customers.archive"} == archive["request"]["metadata"]
    assert {"$.customer_id": {"type": "ProviderState", "expression": "${customer}"}} == (
        archive["request"]["generators"]["body"]
    )


def test_only_required_fields_are_expected() -> None:
    schema = {"type": "object", "properties": {"name": TEXT, "hint": TEXT}, "required": ["name"]}
    assert {"name": "Chai"} == expected(schema, {"name": "Chai", "hint": "tea", "unread": 1}).content


@pytest.mark.parametrize(
    ("field", "example", "content", "matchers"),
    [
        (TEXT, None, "text", [{"match": "type"}]),
        ({"type": "integer"}, 7, 7, [{"match": "integer"}]),
        ({"enum": ["a", "b.c"]}, "b.c", "b.c", [{"match": "regex", "regex": r"^(a|b\.c)$"}]),
        ({"type": "array", "items": TEXT}, [], ["text"], [{"match": "type", "min": 0}]),
        ({"anyOf": [TEXT, {"type": "null"}]}, None, "text", [{"match": "type"}, {"match": "null"}]),
        ({"type": ["integer", "null"]}, 7, 7, [{"match": "integer"}, {"match": "null"}]),
    ],
)
def test_a_field_is_matched_by_its_type(
    field: Schema, example: object, content: object, matchers: list[dict[str, object]]
) -> None:
    made = expected({"type": "object", "properties": {"it": field}, "required": ["it"]}, {"it": example})
    assert ({"it": content}, matchers) == (made.content, made.rules["$.it"]["matchers"])


@pytest.mark.parametrize("field", [{}, {"anyOf": [TEXT, {"type": "integer"}]}])
def test_a_shape_that_pact_cannot_express_is_refused(field: Schema) -> None:
    with pytest.raises(ValueError, match=r"\$\.it: Pact has no rule"):
        expected({"type": "object", "properties": {"it": field}, "required": ["it"]}, {})
