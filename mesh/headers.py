"""NATS headers as bytes and back (ADR-4): cheap, and strict about names."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from mesh.wire import NAMES

STATUS: Final = "Status"
"""Under this name the status of the first line is handed on, such as 503: nobody serves the subject."""
_VERSION: Final = "NATS/1.0"
_END: Final = "\r\n\r\n"
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # a token: RFC 9110, 5.6.2
_STATUS = re.compile(r" +([1-5][0-9]{2})(?: .*)?")
_BREAKS = str.maketrans("\r\n", "  ")
_SPELLINGS = {name.lower(): name for name in NAMES}


def encode(headers: Mapping[str, str]) -> bytes:
    """The headers as they precede a payload; nothing where there are none. A line break in a value becomes a space.

    Raises ValueError for a name that is no token.
    """
    if not headers:
        return b""
    lines = "".join([f"{_spelled(name)}: {value}\r\n" for name, value in headers.items()])
    if lines.count("\r") != len(headers) or lines.count("\n") != len(headers):
        return encode({name: value.translate(_BREAKS) for name, value in headers.items()})
    return f"{_VERSION}\r\n{lines}\r\n".encode()


def decode(block: bytes) -> dict[str, str]:
    """The headers of a message, the last where a name comes twice. What is not UTF-8 in a value is replaced.

    Names of the contract are read without regard to case. Raises ValueError for what are no headers.
    """
    text = block.decode(errors="replace")
    if not text.startswith(_VERSION) or not text.endswith(_END):
        raise ValueError("no headers of this version, or without an end")
    first, *lines = text[len(_VERSION) : -len(_END)].split("\r\n")
    headers = {}
    if first:
        headers[STATUS] = _status(first)
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise ValueError("a header without a colon")
        headers[_spelled(name)] = value.strip()
    return headers


def _status(text: str) -> str:
    match = _STATUS.fullmatch(text)
    if match is None:
        raise ValueError("headers of another version")
    return match[1]


@lru_cache(maxsize=256)
def _spelled(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("a header whose name is no token")
    return _SPELLINGS.get(name.lower(), name)
