"""What single headers of a request say, and how a caller writes them (docs/reference/wire.md)."""

import re
import time
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from mesh.core.errors import Invalid
from mesh.wire.names import CLIENT_ADDRESS, IDEMPOTENCY_KEY, REQUEST_DEADLINE, REQUEST_TIMEOUT

_LONGEST_MILLISECONDS: Final = 15
_KEY = re.compile(r"[ -~]{1,255}")


def deadline(headers: Mapping[str, str], timeout: float, now: float, waited: Callable[[float], float]) -> float:
    """When an answer is no longer of use, on the clock that says `now`; never later than the endpoint's own timeout.

    `waited`: how many seconds a request was on its way that was sent at such a moment of its caller's clock, in Unix
    time. With both headers we know that moment, and so need no clock that agrees with ours.

    Raises Invalid for a header that is not a whole number of milliseconds.
    """
    given = _milliseconds(headers, REQUEST_TIMEOUT)
    until = _milliseconds(headers, REQUEST_DEADLINE)
    if given is None:
        return now + (timeout if until is None else min(timeout, until - time.time()))
    return now + min(timeout, given if until is None else given - waited(until - given))


def deadline_headers(remaining: float, now: float) -> dict[str, str]:
    """The headers that say that an answer is of use for so many seconds from `now`, which is Unix time."""
    milliseconds = round(remaining * 1000)
    return {REQUEST_TIMEOUT: str(milliseconds), REQUEST_DEADLINE: str(round(now * 1000) + milliseconds)}


def idempotency_key(headers: Mapping[str, str]) -> str | None:
    """The key that the request came with. Raises Invalid for one that does not fit."""
    key = headers.get(IDEMPOTENCY_KEY)
    if key is None or _KEY.fullmatch(key):
        return key
    raise Invalid.field(IDEMPOTENCY_KEY, "invalid_header", "must be 1 to 255 printable ASCII characters")


def client_address(headers: Mapping[str, str]) -> str | None:
    """The end user's IP address, as the gateway saw it; None where nobody says, or what is said is none."""
    text = headers.get(CLIENT_ADDRESS)
    address = None if text is None else address_in(text)
    return None if address is None else str(address)


def address_in(text: str) -> IPv4Address | IPv6Address | None:
    """The IP address, of IPv4 also where a socket of IPv6 writes it as one of its own; None for what is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _milliseconds(headers: Mapping[str, str], name: str) -> float | None:
    """The header's value in seconds; None where it is not there."""
    if (text := headers.get(name)) is None:
        return None
    if text.isascii() and text.isdigit() and len(text) <= _LONGEST_MILLISECONDS:
        return int(text) / 1000
    raise Invalid.field(name, "invalid_header", "must be a whole number of milliseconds")
