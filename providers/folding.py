"""Text made comparable without regard to case and accents, since a PostgreSQL without ICU cannot do it for us."""

import unicodedata

_LONGEST = 160  # code points: an index entry (2,704 bytes) and a cursor must hold it
_LETTERS = str.maketrans(  # letters of their own to Unicode, which a search on another keyboard spells otherwise
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


def fold(text: str) -> str:
    """The text in small letters without accents and with single spaces: "Wolski  Zajazd" is "wolski zajazd".

    At most 160 code points; folding twice changes nothing more.
    """
    bare = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return " ".join(bare.casefold().translate(_LETTERS).split())[:_LONGEST].rstrip()


def pattern(text: str) -> str:
    r"""A LIKE pattern for what contains the text once both are folded; `%`, `_` and `\` stand for themselves."""
    escaped = fold(text).replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{escaped}%"
