"""Encodes and decodes NATS headers (ADR-4): fast, and strict about names."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from mesh.wire.names import NAMES

STATUS: Final = "Status"
"""The name under which `decode` returns the status of the first line, such as 503: no responders."""
UNREADABLE: Final = ":unreadable"
"""The only name in a message whose headers cannot be read; its value says why. No header can have this name."""
STORED: Final = ("Nats-Stream", "Nats-Subject", "Nats-Sequence", "Nats-Time-Stamp")
"""What the server adds at the end of a stored message's headers when it is read or republished."""
MAX_BYTES: Final = 32 * 1024
MAX_COUNT: Final = 100
_VERSION: Final = "NATS/1.0"
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # a token: RFC 9110, 5.6.2
_NO_RESPONDERS = "503"
_STATUS = re.compile(rf"{re.escape(_VERSION)} +([1-5][0-9]{{2}})(?: .*)?")
_BREAKS = str.maketrans("\r\n", "  ")
_BLANKS = " \t"
_KNOWN = frozenset(NAMES)
_SPELLINGS = {name.lower(): name for name in NAMES}


def encode(headers: Mapping[str, str]) -> bytes:
    """The header block before a payload; empty if there are no headers. A line break in a value becomes a space.

    Raises ValueError for an invalid name.
    """
    if not headers:
        return b""
    block = f"{_VERSION}\r\n"
    for name, value in headers.items():
        text = value if value.isprintable() else value.translate(_BREAKS)
        block += f"{_spelled(name)}: {text}\r\n"
    return f"{block}\r\n".encode()


def decode(block: bytes) -> dict[str, str]:
    """The headers of a message. Invalid UTF-8 is replaced. Of other names than the contract's, the last one counts.

    Names of the contract are case-insensitive. Raises ValueError for an invalid block, for too many headers, and for a
    header of the contract that is there twice.
    """
    if len(block) > MAX_BYTES or block.count(b"\n") > MAX_COUNT + 2:
        raise ValueError("headers that are too large")
    lines = block.decode(errors="replace").split("\r\n")
    headers = {}
    if lines[0] != _VERSION:
        headers[STATUS] = _status(lines[0])
    if lines[-1] or lines[-2]:
        raise ValueError("headers without an end")
    for line in lines[1:-2]:
        name, colon, value = line.partition(":")
        if not colon:
            raise ValueError("a header without a colon")
        headers[_spelled(name)] = value.strip(_BLANKS)
    if len(headers) < len(lines) - 3:
        _require_unique(lines[1:-2])
    return headers


def of_stored(block: bytes) -> dict[str, str]:
    """What the server says of a stored message whose other headers cannot be read; empty for any other message."""
    found = {name: _last(block, name) for name in STORED}
    return {} if "" in found.values() else found


def _last(block: bytes, name: str) -> str:
    _, _, rest = block.rpartition(f"\r\n{name}: ".encode())
    return rest.partition(b"\r\n")[0].decode("ascii", "replace") if len(rest) < len(block) else ""


def _require_unique(lines: list[str]) -> None:
    names = [name for line in lines if (name := _spelled(line.partition(":")[0])) in _KNOWN]
    if len(set(names)) < len(names):
        raise ValueError("a header of the contract twice")


def _status(line: str) -> str:
    match = _STATUS.fullmatch(line)
    if match is None:
        raise ValueError("headers of another version")
    return match[1]


@lru_cache(maxsize=256)
def _spelled(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("a header whose name is no token")
    return _SPELLINGS.get(name.lower(), name)


def is_no_responders(payload: bytes, headers: Mapping[str, str]) -> bool:
    """Whether a message is the server's answer that nobody subscribes to the subject."""
    return not payload and headers.get(STATUS) == _NO_RESPONDERS
