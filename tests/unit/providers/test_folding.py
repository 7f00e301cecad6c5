import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.postgres.folding import fold, pattern


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("mexico d.f.", "México D.F."),
        ("arhus", "Århus"),
        ("smorrebrod", "Smørrebrød"),
        ("strasse", "STRASSE"),
        ("strasse", "Straße"),
        ("aegir", "Ægir"),
        ("lodz", "Łódź"),
        ("istanbul", "İstanbul"),
        ("wolski zajazd", " Wolski  Zajazd\n"),
        ("file", "ﬁle"),
    ],
)
def test_case_accents_and_repeated_spaces_do_not_count(expected: str, text: str) -> None:
    assert expected == fold(text)


def test_folding_twice_changes_nothing_more_for_any_letter() -> None:
    every = [chr(code) for code in range(0x20000) if not 0xD800 <= code <= 0xDFFF]

    assert [] == [c for c in every if fold(fold(c)) != fold(c) or fold(c.upper()) != fold(c.lower())]


@pytest.mark.parametrize(
    "name",
    [
        "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 79 + "x",  # each becomes eighteen
        "\N{HANGUL SYLLABLE HAN}" * 79 + "\N{HANGUL SYLLABLE GUG}",
        "İ" * 79 + "z",
        "㌖" * 79 + "z",  # SQUARE KIROMEETORU
    ],
)
def test_the_tail_of_what_decomposes_is_kept(name: str) -> None:
    assert fold(name).endswith(fold(name[-1]))
    assert fold(name[40:]) in fold(name)


_ANY = st.characters(codec="utf-8", exclude_characters="\0")


@given(before=st.text(_ANY, max_size=30), part=st.text(_ANY, min_size=1, max_size=20), after=st.text(_ANY, max_size=30))
def test_a_part_of_a_text_is_found_in_it(before: str, part: str, after: str) -> None:
    assert fold(part) in fold(before + part + after)


@given(text=st.text(_ANY, max_size=80))
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(text) == fold(fold(text))


@pytest.mark.parametrize("invisible", ["\u00ad", "\u200b", "\u2060", "\ufe0f", "\u3164", "\u2800", "\U000e0041"])
def test_what_nobody_sees_does_not_count(invisible: str) -> None:
    assert "alfreds" == fold(f"Al{invisible}freds{invisible}")


def test_a_pattern_takes_wildcards_as_they_are_written() -> None:
    assert r"%50\% a\_b c\\d%" == pattern(r"50% A_b C\d")
