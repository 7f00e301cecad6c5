"""Escapes untrusted text, so that a terminal or a log shows it and obeys none of it."""

import json

_DELETE = "\x7f"
"""The one control character that JSON does not escape."""


def escaped(text: str, keep: str = "") -> str:
    """The text with each unprintable character escaped as in JSON, except those in `keep`.

    This covers control characters (C0 and C1), bidirectional and zero-width characters, and lone surrogates. A JSON
    document stays the same document.
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in keep else _escape(one) for one in text)


def _escape(character: str) -> str:
    return "\\u007f" if character == _DELETE else json.dumps(character)[1:-1]
