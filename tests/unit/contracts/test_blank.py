"""Text that shows nothing is blank, whatever code points it is made of."""

import inspect
import unicodedata
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from contracts import customers, products, products_categories
from contracts.base import Search, text
from providers.postgres.folding import INVISIBLE

NAME = TypeAdapter[str](Annotated[str, text(80)])
BLANKS = [
    *("\u00ad", "\u034f", "\u061c", "\u115f", "\u1160", "\u17b4", "\u180b", "\u180e", "\u200b", "\u200c", "\u200d"),
    *("\u200e", "\u202a", "\u202e", "\u2060", "\u2062", "\u2066", "\u206f", "\u2800", "\u3164", "\ufe00", "\ufe0f"),
    *("\ufeff", "\uffa0", "\ufff9", "\ufffb", "\U00013430", "\U0001bca0", "\U0001d159", "\U0001d173"),
    *("\U000e0001", "\U000e0041", "\U000e007f", "\U000e0100", "\u0301", "\u20dd", "\u0903", "\u3000", "\u2028", "\x01"),
]


def named() -> Iterator[tuple[str, Any]]:
    """Every field of a request that is a text with bounds of its own."""
    for module in (customers, products, products_categories):
        for name, kind in inspect.getmembers(module):
            if name in {
                "CompanyName",
                "PersonName",
                "Street",
                "Place",
                "PostalCode",
                "PhoneNumber",
                "ProductName",
                "CategoryName",
            }:
                yield name, kind
    yield "QuantityPerUnit", products.QuantityPerUnit
    yield "Description", products_categories.Description
    yield "Search", Search


@pytest.mark.parametrize("blank", BLANKS, ids=lambda blank: f"U+{ord(blank):04X}")
def test_what_shows_nothing_is_no_name_however_much_there_is_of_it(blank: str) -> None:
    for one in (blank, blank * 3, f" {blank}\t"):
        with pytest.raises(ValidationError) as refused:
            NAME.validate_python(one)
        assert "pattern" == refused.value.errors()[0]["type"]
    assert f"A{blank}" == NAME.validate_python(f"A{blank}")


@pytest.mark.parametrize(("name", "kind"), list(named()))
def test_every_text_of_a_request_wants_something_to_be_seen(name: str, kind: Any) -> None:  # noqa: ANN401  # a type
    for blank in ("\u200b", "\u3164\u2800", "\U000e0041"):
        with pytest.raises(ValidationError):
            TypeAdapter(kind).validate_python(blank)
    assert "Å" == TypeAdapter(kind).validate_python("Å")


@given(characters=st.text(st.sampled_from(BLANKS), min_size=1, max_size=20))
def test_blanks_together_are_blank(characters: str) -> None:
    with pytest.raises(ValidationError):
        NAME.validate_python(characters)


@given(name=st.text(st.characters(categories=["L", "N", "P"], exclude_characters="\0"), min_size=1, max_size=20))
def test_whatever_has_a_letter_a_number_or_punctuation_is_a_name(name: str) -> None:
    seen = INVISIBLE.sub("", name)
    if seen:
        assert name == NAME.validate_python(name)


def test_what_a_search_leaves_out_as_invisible_is_blank_as_a_name() -> None:
    every = (chr(code) for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF)
    for one in filter(INVISIBLE.fullmatch, every):
        with pytest.raises(ValidationError):
            NAME.validate_python(one)
        assert unicodedata.category(one) in {"Cf", "Mn", "Lo", "So", "Cn"}
