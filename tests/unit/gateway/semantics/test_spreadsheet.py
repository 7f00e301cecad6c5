"""Texts that a spreadsheet would run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.semantics.spreadsheet import neutralised, restored

TEXTS = st.text(max_size=20) | st.text("'=+-@\t\r\n \x00＝a", max_size=6)  # noqa: RUF001  # wide forms count too


@given(TEXTS)
def test_every_text_comes_back_as_it_was(text: str) -> None:
    assert text == restored(neutralised(text))


@given(TEXTS)
def test_no_cell_begins_as_a_formula(text: str) -> None:
    cell = neutralised(text)
    assert "" == cell or cell.lstrip(" \x00")[:1] not in set("=+-@")


@pytest.mark.parametrize("text", ["Berlin", "'s-Hertogenbosch", "", "a=b", "''"])
def test_other_texts_stay(text: str) -> None:
    assert (text, text) == (neutralised(text), restored(text))


@pytest.mark.parametrize("text", ["=1+1", "+49 30 1", "-1", "@x", "\t1", " =1", "'=1"])
def test_a_formula_gets_an_apostrophe_and_one_that_is_typed_without_it_stays(text: str) -> None:
    assert f"'{text}" == neutralised(text)
    assert text.removeprefix("'") == restored(text)
