"""Writes the tables of code points among the test vectors: `python -m tests.support.contract.unicode_tables`."""

import json
import unicodedata
from collections.abc import Callable, Iterator
from typing import Annotated, Final

from pydantic import TypeAdapter, ValidationError

from contracts.base import text
from providers.postgres.folding import fold
from tests.support.contract.vectors import FOLDER

_NAME: Final = TypeAdapter[str](Annotated[str, text(10)])
HANGUL: Final = range(0xAC00, 0xD7A4)
"""Syllables: they decompose by arithmetic (Unicode, section 3.12), so the table leaves them out."""
SURROGATES: Final = range(0xD800, 0xE000)


def is_blank(character: str) -> bool:
    """Whether a text of this character alone is refused as a name."""
    try:
        _NAME.validate_python(character)
    except ValidationError:
        return True
    return False


def folded(character: str) -> str:
    """What becomes of the character inside a text."""
    return fold(f"a{character}a")[1:-1]


def ranges(test: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    """The first and the last code point, in hex, of each range of characters that pass the test."""
    first = None
    for code in range(0x110001):
        passes = code < 0x110000 and code not in SURROGATES and test(chr(code))
        if passes and first is None:
            first = code
        elif not passes and first is not None:
            yield f"{first:04X}", f"{code - 1:04X}"
            first = None


def _write() -> None:
    blank = list(ranges(is_blank))
    removed = list(ranges(lambda c: not folded(c)))
    spaces = list(ranges(lambda c: folded(c) == " "))
    every = (chr(code) for code in range(0x110000) if code not in SURROGATES and code not in HANGUL)
    changed = {f"{ord(c):04X}": made for c in every if (made := folded(c)) not in (c, "", " ")}
    rules = {"unicode": unicodedata.unidata_version}
    tables = {
        "blank": {"about": _BLANK, **rules, "blank": blank},
        "folding_table": {"about": _FOLDING, **rules, "removed": removed, "spaces": spaces, "folded": changed},
    }
    for name, table in tables.items():
        (FOLDER / f"{name}.json").write_text(json.dumps(table, separators=(",", ":")) + "\n")


_BLANK: Final = "Ranges of code points that show nothing: a text of nothing else is refused. Rule W-VAL-5."
_FOLDING: Final = (
    "How each code point folds: ranges that are removed, ranges that become a space, and the rest that changes. Hangul "
    "syllables (AC00 to D7A3) decompose by arithmetic. Rule W-FOLD-2."
)

if __name__ == "__main__":
    _write()
