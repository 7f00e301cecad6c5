"""Text of strangers: shown, and obeyed by no terminal."""

import json
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.core.terminal import escaped

COMMANDS = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) in {"Cc", "Cf", "Cs"}]


def test_no_character_that_commands_or_hides_is_left() -> None:
    assert {"\x1b", "\x7f", "\x85", "\x9b", "\u200b", "\u202e", "\u2066", "\ufeff", "\U000e0041"} < set(COMMANDS)
    assert [] == [one for one in COMMANDS if not escaped(f"a{one}b").isprintable()]


@pytest.mark.parametrize("text", ["", "plain", 'quoted "\\"', "Süßwaren", "日本", "😀", "a b"])
def test_what_is_harmless_stays(text: str) -> None:
    assert text == escaped(text)


@given(st.text())
def test_of_what_is_escaped_nothing_is_lost(text: str) -> None:
    safe = escaped(json.dumps(text, ensure_ascii=False))
    assert safe.isprintable()
    assert text == json.loads(safe)


def test_a_json_document_stays_that_document() -> None:
    document = {"a": "\x7f\x9b\u202e\U000e0041", "\u2028": ["\u200b"]}
    assert document == json.loads(escaped(json.dumps(document, ensure_ascii=False)))


def test_what_is_to_be_kept_is_kept() -> None:
    assert "a\nb\\tc\\r" == escaped("a\nb\tc\r", keep="\n")
