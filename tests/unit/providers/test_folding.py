import pytest

from providers.folding import fold, pattern


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


def test_folded_text_fits_an_index_entry_however_it_grows() -> None:
    assert 160 == len(fold("\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 80))


def test_a_pattern_takes_wildcards_as_they_are_written() -> None:
    assert r"%50\% a\_b c\\d%" == pattern(r"50% A_b C\d")
