"""The AsyncAPI document: every subject with its reply and errors, and every reference leads somewhere."""

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ops.contracts.asyncapi import Illustrated, asyncapi
from ops.contracts.document import Declared
from ops.contracts.tree import Contracts
from subjects import ENDPOINTS, EVENTS

Document = dict[str, Any]


@pytest.fixture(scope="module")
def document(declared: Declared, shown: Illustrated) -> Document:
    return asyncapi(declared, shown)


def references(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
            assert {"$ref"} == part.keys(), "AsyncAPI ignores what stands beside a reference"
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def target(document: Document, reference: str) -> Any:  # noqa: ANN401  # any part of the document
    part: Any = document
    for step in reference.removeprefix("#/").split("/"):
        part = part[step]
    return part


def test_every_reference_leads_somewhere(document: Document) -> None:
    found = set(references(document))
    assert len(found) > len(ENDPOINTS)
    assert all(target(document, reference) for reference in found)


def test_a_subject_is_received_in_the_queue_group_and_answered(document: Document) -> None:
    operation = document["operations"]["customers.update"]
    assert ("receive", "q") == (operation["action"], operation["bindings"]["nats"]["queue"])
    channel = target(document, operation["channel"]["$ref"])
    assert "customers.update" == channel["address"]
    replies = [target(document, one["$ref"])["name"] for one in operation["reply"]["messages"]]
    assert ["Customer", "Problem"] == replies
    gone = {"customer_not_found": "not_found", "customer_archived": "not_found"}
    assert {**gone, "version_mismatch": "conflict"} == operation["x-reasons"]
    assert "bearer" == target(document, operation["security"][0]["$ref"])["scheme"]


def test_who_needs_no_token_needs_none_in_the_document(document: Document) -> None:
    assert all("security" not in document["operations"][name] for name in ("auth.logout", "customers.get"))


def test_an_event_is_sent_and_read_by_those_who_handle_or_hear_it(document: Document) -> None:
    operations = document["operations"]
    assert "send" == operations["events.orders.placed:send"]["action"]
    assert {"stock", "carts", "notifications"} == set(operations["events.orders.placed:receive"]["x-readers"])
    assert ["gateway"] == operations["events.auth.sessions_revoked:receive"]["x-readers"]
    assert "events.customers.changed:receive" not in operations


def test_all_subjects_and_all_events_are_there(document: Document) -> None:
    addresses = {channel["address"] for channel in document["channels"].values()} - {None}
    assert {one.subject for one in ENDPOINTS} | {one.subject for one in EVENTS} == addresses


def test_examples_of_errors_fit_their_schemas(document: Document, contracts: Contracts) -> None:
    problem, headers = Draft202012Validator(contracts.problem), Draft202012Validator(contracts.headers["error"])
    for endpoint in ENDPOINTS:
        examples = document["channels"][f"{endpoint.subject}:reply"]["messages"]["error"]["examples"]
        assert [*(reason.value for reason in endpoint.reasons), "invalid_payload"] == [one["name"] for one in examples]
        for example in examples:
            problem.validate(example["payload"])
            headers.validate(example["headers"])
