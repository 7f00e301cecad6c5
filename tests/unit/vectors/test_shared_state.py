"""What two implementations of a service keep or hand out is what the vectors say: cursors, folds, digests."""

import json
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customers_svc.repository import Customers
from mesh.core.errors import Fault
from mesh.service.idempotency import payload_digest
from products_svc.repository import Catalogue
from providers import cursor
from providers.cursor import Page
from providers.postgres.database import Database
from providers.postgres.folding import fold, pattern
from subjects import ENDPOINTS
from tests.support.contract.unicode_tables import HANGUL, SURROGATES, folded, is_blank
from tests.support.contract.vectors import cases, vectors, why

Case = dict[str, Any]
BY_SUBJECT = {endpoint.subject: endpoint for endpoint in ENDPOINTS}
TABLE = vectors("folding_table")
BLANK = vectors("blank")["blank"]


def page_of(case: Case, **more: object) -> Page:
    endpoint = BY_SUBJECT[case["subject"]]
    return Page.of(endpoint.subject, endpoint.requests.validate_json(json.dumps({**case["request"], **more})))


@pytest.mark.parametrize("case", cases("cursors"), ids=why)
def test_a_cursor_is_written_and_read_as_its_vector_says(case: Case) -> None:
    page = page_of(case)

    assert case["scope"] == page.scope.decode()
    assert case["cursor"] == cursor.write(case["position"], page.scope)
    assert case["position"] == json.loads(cursor.read(case["cursor"], page.scope))


@pytest.mark.parametrize("case", cases("cursors", "refused"), ids=why)
async def test_a_cursor_is_refused_as_its_vector_says(case: Case) -> None:
    """By the repository, before it asks the database: there is none."""
    request = BY_SUBJECT[case["subject"]].requests.validate_json(
        json.dumps({**case["request"], "cursor": case["cursor"]})
    )
    nowhere = cast("Database", None)
    listing = {"customers.list": Customers(nowhere).list, "products.list": Catalogue(nowhere).list}

    with pytest.raises(Fault) as refused:
        await cast("Any", listing[case["subject"]])(request)

    assert ("invalid_cursor", ["cursor"]) == (refused.value.reason, [one.field for one in refused.value.errors])


@pytest.mark.parametrize("case", cases("digests"), ids=why)
def test_a_digest_is_as_its_vector_says(case: Case) -> None:
    endpoint = BY_SUBJECT[case["subject"]]

    assert case["sha256"] == payload_digest(endpoint, endpoint.requests.validate_json(case["payload"])).hex()
    assert json.loads(case["payload"]) == json.loads(case["canonical"])


@pytest.mark.parametrize("case", cases("folding"), ids=why)
def test_a_text_folds_as_its_vector_says(case: Case) -> None:
    assert case["folded"] == fold(case["text"])


@pytest.mark.parametrize("case", cases("folding", "patterns"), ids=why)
def test_a_search_text_becomes_the_pattern_of_its_vector(case: Case) -> None:
    assert case["like"] == pattern(case["text"])


def codes(ranges: list[list[str]]) -> set[int]:
    return {code for first, last in ranges for code in range(int(first, 16), int(last, 16) + 1)}


def test_every_code_point_of_the_tables_folds_as_they_say() -> None:
    removed, spaces = codes(TABLE["removed"]), codes(TABLE["spaces"])

    assert [] == [code for code in removed if folded(chr(code)) != ""]
    assert [] == [code for code in spaces if folded(chr(code)) != " "]
    assert [] == [code for code, made in TABLE["folded"].items() if folded(chr(int(code, 16))) != made]


SPACES, REMOVED, BLANKS = codes(TABLE["spaces"]), codes(TABLE["removed"]), codes(BLANK)
CHEAP = settings(max_examples=30, deadline=None)
_ANY = st.characters(exclude_categories=["Cs", "Cn"])


@CHEAP
@given(text=st.text(_ANY, max_size=20))
def test_a_text_folds_code_point_by_code_point(text: str) -> None:
    """So the table is the whole rule, apart from white space."""
    assert fold(text) == " ".join("".join(map(by_the_table, text)).split())


def by_the_table(character: str) -> str:
    code = ord(character)
    if code in HANGUL:
        return folded(character)
    made: str = TABLE["folded"].get(f"{code:04X}", character)
    return " " if code in SPACES else "" if code in REMOVED else made


def test_the_code_points_of_the_table_are_blank_and_their_neighbours_are_not() -> None:
    blank = codes(BLANK)
    beside = {int(first, 16) - 1 for first, _ in BLANK} | {int(last, 16) + 1 for _, last in BLANK}

    assert [] == [code for code in blank if not is_blank(chr(code))]
    assert [] == [code for code in beside - blank - set(SURROGATES) - {-1} if is_blank(chr(code))]


@CHEAP
@given(character=_ANY)
def test_a_character_is_blank_if_the_table_has_it(character: str) -> None:
    assert is_blank(character) == (ord(character) in BLANKS)
