"""reasons.json has every reason that a worker may give, with its code, its status and its text."""

from pathlib import Path

import pytest

from mesh.core.errors import Code
from ops.contracts.asyncapi import Illustrated
from ops.contracts.document import Declared
from ops.contracts.reasons import Meaning, catalogue, document, meanings
from subjects import ENDPOINTS


def test_every_reason_of_every_endpoint_is_in_the_catalogue(shown: Illustrated) -> None:
    found = {(name, code) for endpoint in ENDPOINTS for name, code in endpoint.codes.items()}
    assert found == {(name, entry.code) for name, entry in shown.reasons.items()}


def test_an_entry_says_what_to_do(shown: Illustrated) -> None:
    entry = shown.reasons["version_mismatch"]
    assert (Code.CONFLICT, 409, 412, False) == (entry.code, entry.number, entry.http, entry.retryable)
    assert "customers.update" in entry.subjects
    assert entry.text.startswith("The condition of the request")
    assert ("all", 502) == (shown.reasons["internal"].shared_by, shown.reasons["internal"].http)
    assert ("keyed", True) == (
        shown.reasons["request_in_progress"].shared_by,
        shown.reasons["request_in_progress"].retryable,
    )


def test_a_row_without_advice_counts_as_missing(tmp_path: Path) -> None:
    page = tmp_path / "errors.md"
    page.write_text("| `too_late` | 504 | It is late. |\n")
    assert {} == meanings(page)


def test_the_gateways_own_reasons_are_beside_those_of_workers(shown: Illustrated) -> None:
    made = document(shown.reasons, shown.told)
    assert {*made["reasons"], *made["gateway"]} == shown.told.keys()
    expected = {
        "reason": "if_match_required",
        "http": 428,
        "retryable": False,
        "text": "A change requires `If-Match` with the ETag of the version to change.",
        "what_to_do": "Read the resource, and send its `ETag` as `If-Match`.",
    }
    assert expected == made["gateway"]["if_match_required"]
    assert made["gateway"]["request_timeout"]["retryable"]


def test_a_reason_without_a_text_is_an_error(declared: Declared) -> None:
    with pytest.raises(ValueError, match=r"errors\.md lacks .*customer_exists"):
        catalogue(declared, {"internal": Meaning(502, "A bug.", "Report it.")})


def test_a_link_in_a_meaning_becomes_its_text(tmp_path: Path) -> None:
    page = tmp_path / "errors.md"
    page.write_text("| `too_late` | 504 | See [the limits](limits.md). | Hurry. |\n")
    assert {"too_late": Meaning(504, "See the limits.", "Hurry.")} == meanings(page)
    with pytest.raises(ValueError, match=r"missing\.md"):
        meanings(tmp_path / "missing.md")
