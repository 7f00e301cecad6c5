"""Folds text for comparison without case and accents: a PostgreSQL without ICU cannot."""

import re
import unicodedata
from typing import Final

INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Unicode's Default_Ignorable_Code_Point, the blank Braille pattern and the musical null notehead."""

_LETTERS = str.maketrans(  # separate letters in Unicode, which other keyboards spell in ASCII
    {
        "æ": "ae",
        "œ": "oe",
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "ħ": "h",
        "ł": "l",
        "þ": "th",
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
    }
)


_NOTHING: Final = "\n"
"""A pattern that matches a line break alone, which no folded text is."""


def fold(text: str) -> str:
    """The text in lower case, without accents, with single spaces: "Wolski  Zajazd" becomes "wolski zajazd".

    Invisible characters are dropped. The result is not truncated, although one code point may become eighteen: the
    table decides how much of it to index. Folding twice changes nothing.
    """
    decomposed = unicodedata.normalize("NFKD", INVISIBLE.sub("", text).casefold())
    bare = INVISIBLE.sub("", "".join(c for c in decomposed if not unicodedata.combining(c)))
    return " ".join(bare.casefold().translate(_LETTERS).split())


def pattern(text: str) -> str:
    r"""A LIKE pattern that finds the text in folded text. `%`, `_` and `\` are escaped.

    A text of which nothing is left, such as an accent by itself, finds nothing.
    """
    folded = fold(text)
    if not folded:
        return _NOTHING
    escaped = folded.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{escaped}%"
