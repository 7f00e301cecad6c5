"""A JSON reader written from docs/reference/wire.md alone, to hold the worker's own against it: slow and plain."""

import re
from typing import Final

_BLANK: Final = re.compile(r"[ \t\r\n]*")
_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_TEXT: Final = re.compile(r'"((?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9A-Fa-f]{4})*)"')
_ESCAPE: Final = re.compile(r"(?:\\u[0-9A-Fa-f]{4})+|\\(.)")
_SHORT: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_WORDS: Final = ("true", "false", "null")


class NotJsonError(Exception):
    """The bytes are not what rules W-JSON allow."""


def require_json(payload: bytes) -> None:
    """Raise NotJsonError for a payload that is `malformed_json`."""
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        raise NotJsonError from error
    end = _value(text, _after_blank(text, 0))
    if _after_blank(text, end) != len(text):
        raise NotJsonError


def _after_blank(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    assert found
    return found.end()


def _value(text: str, at: int) -> int:
    """Where the value ends that begins here."""
    if text.startswith(("{", "["), at):
        return _members(text, at)
    for word in _WORDS:
        if text.startswith(word, at):
            return at + len(word)
    if text.startswith('"', at):
        return _string(text, at)[0]
    if found := _NUMBER.match(text, at):
        return found.end()
    raise NotJsonError


def _members(text: str, at: int) -> int:
    is_object = text[at] == "{"
    close = "}" if is_object else "]"
    names: set[str] = set()
    at = _after_blank(text, at + 1)
    if text.startswith(close, at):
        return at + 1
    while True:
        if is_object:
            at, name = _string(text, at)
            if name in names:
                raise NotJsonError
            names.add(name)
            at = _after_blank(text, at)
            if not text.startswith(":", at):
                raise NotJsonError
            at = _after_blank(text, at + 1)
        at = _after_blank(text, _value(text, at))
        if text.startswith(close, at):
            return at + 1
        if not text.startswith(",", at):
            raise NotJsonError
        at = _after_blank(text, at + 1)


def _string(text: str, at: int) -> tuple[int, str]:
    found = _TEXT.match(text, at)
    if found is None:
        raise NotJsonError
    return found.end(), _ESCAPE.sub(_unescaped, found[1])


def _unescaped(found: re.Match[str]) -> str:
    if found[1]:
        return _SHORT.get(found[1], found[1])
    units = bytes.fromhex(found[0].replace("\\u", ""))
    try:
        return units.decode("utf-16-be")
    except UnicodeDecodeError as error:  # a surrogate without its partner
        raise NotJsonError from error
