"""Reads and validates the head of a request from its bytes: the parser drops or accepts what some rules forbid.

docs/reference/http.md lists the rules of RFC 9110 and RFC 9112.
"""

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address
from typing import Final, NamedTuple

from mesh.core.errors import Fault, Invalid, Unauthenticated

LONGEST_AUTHORIZATION: Final = 4096 + len("Bearer ")
"""Bytes. A longer value that fits the head reaches the Verifier, which refuses it unread."""

_TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_PCHAR: Final = rb"[A-Za-z0-9\-._~!$&'()*+,;=:@/]++|%[0-9A-Fa-f]{2}"
_HEAD: Final = re.compile(rb"(%b) ([!-~]++) HTTP/1\.([01])\r\n(?:%b:[\t -~\x80-\xff]*+\r\n)*\r\n" % (_TOKEN, _TOKEN))
_BEGINNING: Final = re.compile(rb"%b(?: (?:[!-~]++(?: (?:[!-~]++(?:\r(?:\n.*+)?)?)?)?)?)?" % _TOKEN, re.DOTALL)
_FIELD: Final = re.compile(rb"([^:]+): ?([^\r]*)\r\n")
"""Name and value of one field, in a head that matches the grammar."""
_PATH_AND_QUERY: Final = re.compile(rb"/(?:%b)*(?:\?(?:%b|\?)*)?" % (_PCHAR, _PCHAR))
_ABSOLUTE: Final = re.compile(rb"([A-Za-z][A-Za-z0-9+\-.]*+)://([^/?]*+)(.*+)")
_HOST: Final = re.compile(
    rb"(?P<host>\[(?P<v6>[0-9A-Fa-f:.]++)\]|\[v[0-9A-Fa-f]++\.[A-Za-z0-9\-._~!$&'()*+,;=:]++\]"
    rb"|(?:[A-Za-z0-9\-._~!$&'()*+,;=]++|%[0-9A-Fa-f]{2})*)(?::[0-9]*+)?"
)
_LONG_TOKEN: Final = re.compile(rb"\nauthorization:[^\r\n]{%d}" % (LONGEST_AUTHORIZATION + 1), re.IGNORECASE)

_CODING: Final = b"transfer-encoding"
_LENGTH: Final = b"content-length"
_HOW_IT_GOES_ON: Final = frozenset((_CODING, _LENGTH, b"expect", b"upgrade"))


class Head(NamedTuple):
    """The contents of a head. `length` is the body's in bytes, None for a chunked body."""

    method: bytes
    url: bytes
    """Path and query, whichever form the request target has."""
    version: str
    fields: list[tuple[bytes, bytes]]
    """Names are in lower case."""
    for_parser: bytes
    length: int | None
    expects_100: bool
    asks_for_upgrade: bool
    persistent: bool
    """Whether the client allows another request on the connection (RFC 9112, section 9.3)."""


def over(limit: int, head: bytes) -> Fault:
    """The fault for a head over `limit` bytes that starts with `head`: an access token that is too long has its own."""
    if _LONG_TOKEN.search(head):
        return Unauthenticated("invalid_token", "the access token is too long")
    return Invalid("head_too_large", f"the head is over {limit} bytes")


def may_become_one(beginning: bytes) -> bool:
    """Whether these bytes can start a head. If not, waiting for more is pointless."""
    return _BEGINNING.fullmatch(beginning) is not None


def read(head: bytes) -> Head:
    """Read a head, including its final empty line. Raises Fault for one that a server must or may refuse."""
    found = _HEAD.fullmatch(head)
    if found is None:
        raise _malformed("the head must be valid HTTP/1.1 or HTTP/1.0 (RFC 9112)")
    method, url, minor = found.groups()
    version = "1.1" if minor == b"1" else "1.0"
    first_field = found.end(3) + 2
    fields = [(name.lower(), value.strip()) for name, value in _FIELD.findall(head, first_field)]
    values = dict(fields)
    if len(values) < len(fields):
        _check_single(fields)
    host = values.get(b"host")
    if host is None:
        if version == "1.1":
            raise _malformed("exactly one Host header is required")
    elif not _is_host(host):
        raise _malformed("the Host header must be a host with an optional port")
    if not url.startswith(b"/") or method == b"CONNECT":
        url, fields = _resolved(method, url, fields)
    if not _PATH_AND_QUERY.fullmatch(url) and url != b"*":
        raise _malformed("the request target has a character that a URL must not contain: percent-encode it")
    persistent = minor == b"1" and (b"connection" not in values or b"close" not in _listed(fields, b"connection"))
    simple = Head(method, url, version, fields, head, 0, False, False, persistent)  # noqa: FBT003  # quicker than by name
    return simple if _HOW_IT_GOES_ON.isdisjoint(values) else _with_more(simple, values, first_field)


def _with_more(head: Head, values: dict[bytes, bytes], first_field: int) -> Head:
    """Read the headers that concern a body, an expectation or an upgrade."""
    fields = head.fields
    length = _length(fields, values, head.version)
    expects = False
    if b"expect" in values:
        if head.version == "1.0":  # RFC 9110, section 10.1.1: HTTP/1.0 has no expectations
            fields = [field for field in fields if field[0] != b"expect"]
        expected = _listed(fields, b"expect")
        if any(one != b"100-continue" for one in expected):
            raise Invalid("expectation_failed", "the only supported expectation is 100-continue")
        expects = bool(expected) and length != 0
    upgrade = b"upgrade" in values
    raw = head.for_parser
    if upgrade or length is None:
        # The parser ends a message at its head if that has Upgrade, which a server may ignore (RFC 9110, section 7.8).
        # It also reads lists of codings in its own way. So it gets these headers rewritten.
        fields = [field for field in fields if field[0] not in (_CODING, b"upgrade")]
        if length is None:
            fields.append((_CODING, b"chunked"))
        raw = b"".join((raw[:first_field], *(b"%b: %b\r\n" % field for field in fields), b"\r\n"))
    return Head(head.method, head.url, head.version, fields, raw, length, expects, upgrade, head.persistent)


def _length(fields: list[tuple[bytes, bytes]], values: dict[bytes, bytes], version: str) -> int | None:
    """The length of the body (RFC 9112, section 6.3)."""
    if _CODING in values:
        if _LENGTH in values or version == "1.0":
            raise _malformed("Transfer-Encoding is not allowed with Content-Length or HTTP/1.0")
        codings = _listed(fields, _CODING)
        if codings[-1:] != [b"chunked"] or b"chunked" in codings[:-1]:
            raise _malformed("chunked must be the last transfer coding, and appear once")
        if len(codings) > 1:
            raise Invalid("unsupported_transfer_coding", "the only supported transfer coding is chunked")
        return None
    length = values.get(_LENGTH, b"0")
    if not length.isdigit():
        raise _malformed("Content-Length must be a number")
    if len(length) > _MOST_DIGITS:
        raise _malformed("Content-Length is too large")
    return int(length)


_MOST_DIGITS: Final = 18
"""Digits of a length: more may not fit the parser's 64 bits."""


def _check_single(fields: list[tuple[bytes, bytes]]) -> None:
    names = [name for name, _ in fields]
    for name in (b"host", _LENGTH):
        if names.count(name) > 1:
            raise _malformed(f"{name.decode().title()} may appear once")


def _resolved(
    method: bytes, target: bytes, fields: list[tuple[bytes, bytes]]
) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """Path and query of a target that is not just a path, and the fields with the host that the target names."""
    if target == b"*" and method == b"OPTIONS":
        return target, fields
    absolute = _ABSOLUTE.fullmatch(target)
    if method == b"CONNECT" or absolute is None:
        raise _malformed("the request target must be a path or an http URL")
    scheme, authority, rest = absolute.groups()
    if scheme.lower() != b"http":
        raise Invalid("misdirected_request", "this connection serves http URLs only")
    host = _HOST.fullmatch(authority)
    if host is None or not host["host"] or not _is_host(authority):
        raise _malformed("the request target must name a host, with an optional port")
    others = [field for field in fields if field[0] != b"host"]  # RFC 9112, section 3.2.2: the target overrides Host
    return rest if rest.startswith(b"/") else b"/" + rest, [(b"host", authority), *others]


@lru_cache(maxsize=64)  # a gateway has few names
def _is_host(text: bytes) -> bool:
    found = _HOST.fullmatch(text)
    if found is None or found["v6"] is None:
        return found is not None
    try:
        IPv6Address(found["v6"].decode())
    except AddressValueError:
        return False
    return True


def _listed(fields: list[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    """The members of a list in lower case. Empty members are ignored (RFC 9110, section 5.6.1.2)."""
    members = b",".join(value for one, value in fields if one == name).split(b",")
    return [stripped.lower() for member in members if (stripped := member.strip(b" \t"))]


def _malformed(why: str) -> Invalid:
    return Invalid("malformed_request", why)
