"""Pacts are read as input: a wrong file is refused by its name and the wrong member."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ops.contracts.pacts.reading import read_pact, read_pacts
from tests.support.paths import ROOT

FOLDER = ROOT / "docs" / "contracts" / "consumers"

Pact = dict[str, Any]


def of_customers() -> Pact:
    pact: Pact = json.loads((FOLDER / "gateway" / "customers.json").read_bytes())
    return pact


def test_a_request_has_the_words_of_its_states() -> None:
    pact = read_pact(FOLDER / "gateway" / "customers.json")
    [archive] = [one for one in pact.interactions if one.subject == "customers.archive"]

    assert ("gateway", "customers") == (pact.consumer, pact.provider)
    assert ({"customer_id": "{customer}"}, "admin") == (archive.request, archive.account)


def test_members_of_other_tools_are_ignored(tmp_path: Path) -> None:
    pact = of_customers()
    pact["metadata"] = {"pactRust": {"ffi": "0.5"}}
    (tmp_path / "other.json").write_text(json.dumps(pact))

    read = read_pact(tmp_path / "other.json")

    assert ("", {}) == (read.version, read.contracts)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda pact: pact.pop("consumer"), "consumer: Field required"),
        (lambda pact: pact.update(interactions=1), "interactions: Input should be a valid"),
        (lambda pact: pact["interactions"][0].update(type="Synchronous/HTTP"), "interactions.0.type: Input should be"),
        (lambda pact: pact["interactions"][0].update(response=[]), "interactions.0.response: List should have"),
        (lambda pact: pact["interactions"][0]["request"].pop("metadata"), "interactions.0.request.metadata: Field"),
        (
            lambda pact: pact["interactions"][0]["request"].update(
                generators={"body": {"$.nobody[3]": {"type": "ProviderState", "expression": "${customer}"}}}
            ),
            "a generator names a field that its request does not have",
        ),
    ],
)
def test_a_wrong_file_is_refused_by_its_name(edit: Callable[[Pact], object], message: str, tmp_path: Path) -> None:
    pact, path = of_customers(), tmp_path / "wrong.json"
    edit(pact)
    path.write_text(json.dumps(pact))

    with pytest.raises(ValueError, match=r"wrong\.json") as refused:
        read_pact(path)

    assert message in str(refused.value)


@pytest.mark.parametrize("text", ["", "[]", "{", '"\\ud800', "[" * 100_000])
def test_what_is_no_json_object_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"wrong\.json"):
        read_pact(path)


def test_a_folder_without_pacts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no pacts: `mesh contracts record` writes them"):
        read_pacts(tmp_path)


def test_a_consumer_without_pacts_is_refused() -> None:
    with pytest.raises(ValueError, match="has no pact of nobody"):
        read_pacts(FOLDER, frozenset({"nobody", "gateway"}))
