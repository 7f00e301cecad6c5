"""Text of strangers, made safe for a terminal and a log: it is shown, and commands nothing."""

import json

_DELETE = "\x7f"
"""The one control character that JSON does not escape."""


def escaped(text: str, keep: str = "") -> str:
    """The text, with each character that is not printable written as JSON writes it; those in `keep` stay.

    That covers control characters (C0 and C1), what turns the direction of writing, what has no width, and lone
    surrogates. Inside a JSON document the result still is that document.
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in keep else _escape(one) for one in text)


def _escape(character: str) -> str:
    return "\\u007f" if character == _DELETE else json.dumps(character)[1:-1]
