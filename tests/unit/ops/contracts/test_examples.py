"""The examples fit the exported schemas, and the schemas are JSON Schema 2020-12."""

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from ops.contracts.asyncapi import Illustrated
from ops.contracts.document import Declared, schemas
from ops.contracts.examples import SAMPLES, endpoint_example, event_example, sampled
from ops.contracts.tree import Contracts
from subjects import ENDPOINTS, EVENTS
from tests.support.contract.golden import FOLDER, Refusal, refusals

SUBJECTS = [endpoint.subject for endpoint in ENDPOINTS]
INVALID = [one for one in refusals() if one.reason == "invalid_payload"]


def test_every_schema_is_json_schema_2020_12(declared: Declared) -> None:
    Draft202012Validator.check_schema(schemas(declared))


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_example_of_a_subject_fits_its_schemas(subject: str, contracts: Contracts, shown: Illustrated) -> None:
    example, contract = shown.endpoints[subject], contracts.endpoints[subject]
    Draft202012Validator(contract.request).validate(example.request)
    Draft202012Validator(contract.reply).validate(example.reply)
    assert example.request is not None


@pytest.mark.parametrize("subject", [event.subject for event in EVENTS])
def test_the_example_of_an_event_fits_its_schemas(subject: str, contracts: Contracts, shown: Illustrated) -> None:
    example, contract = shown.events[subject], contracts.events[subject]
    Draft202012Validator(contract.payload).validate(example.payload)
    if contract.durable:
        Draft202012Validator(contracts.headers["event"]).validate(dict(example.headers))


@pytest.mark.parametrize("refusal", INVALID, ids=lambda one: one.subject)
def test_a_payload_that_a_worker_refuses_breaks_the_schema(refusal: Refusal, contracts: Contracts) -> None:
    request = contracts.endpoints[refusal.subject].request
    validator = Draft202012Validator(request, format_checker=Draft202012Validator.FORMAT_CHECKER)
    assert not validator.is_valid(sampled(refusal.request))


def test_every_placeholder_has_a_value_and_an_unknown_pattern_is_an_error() -> None:
    assert {"a": [SAMPLES["{product}"]], "b": "text"} == sampled({"a": {"$each": "{product}"}, "b": "text"})
    with pytest.raises(ValueError, match=r"no text that matches unheard-of"):
        sampled({"$matches": "unheard-of"})


def test_a_missing_or_broken_example_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"customers\.get\.json"):
        endpoint_example(tmp_path, "customers.get")
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "events.orders.placed.json").write_text('{"payload": {}}')
    with pytest.raises(ValueError, match="lacks headers"):
        event_example(tmp_path, "events.orders.placed")


def test_examples_have_the_routes_of_their_subject() -> None:
    assert ("GET /v1/customers/{customer_id}",) == endpoint_example(FOLDER, "customers.get").routes
    assert () == endpoint_example(FOLDER, "customers.get_many").routes
