"""Reads and writes single headers of a request (docs/reference/wire.md)."""

import re
import time
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from mesh.core.errors import Invalid
from mesh.wire.names import CLIENT_ADDRESS, IDEMPOTENCY_KEY, REQUEST_DEADLINE, REQUEST_TIMEOUT

_LONGEST_MILLISECONDS: Final = 15
_KEY = re.compile(r"[ -~]{1,255}")


def deadline(
    headers: Mapping[str, str],
    timeout: float,
    now: float,
    waited: Callable[[float], float],
    clock: Callable[[], float] = time.time,
) -> float:
    """The request's deadline by the clock of `now`; never later than the endpoint's own timeout.

    `waited` returns how many seconds ago a request was sent, given the Unix time of sending by its caller's clock. If
    both headers are present, that time is known, and the clocks need not agree. `clock` returns Unix time.

    Raises Invalid for a header that is not a whole number of milliseconds.
    """
    given = _milliseconds(headers, REQUEST_TIMEOUT)
    until = _milliseconds(headers, REQUEST_DEADLINE)
    if given is None:
        return now + (timeout if until is None else min(timeout, until - clock()))
    return now + min(timeout, given if until is None else given - waited(until - given))


def deadline_headers(remaining: float, now: float) -> dict[str, str]:
    """The headers for a request whose reply is useful for `remaining` seconds. `now` is Unix time."""
    milliseconds = round(remaining * 1000)
    return {REQUEST_TIMEOUT: str(milliseconds), REQUEST_DEADLINE: str(round(now * 1000) + milliseconds)}


def idempotency_key(headers: Mapping[str, str]) -> str | None:
    """The request's key. Raises Invalid for an invalid one."""
    key = headers.get(IDEMPOTENCY_KEY)
    if key is None or _KEY.fullmatch(key):
        return key
    raise Invalid.field(IDEMPOTENCY_KEY, "invalid_header", "must be 1 to 255 printable ASCII characters")


def client_address(headers: Mapping[str, str]) -> str | None:
    """The end user's IP address, as seen by the gateway; None if absent or invalid."""
    text = headers.get(CLIENT_ADDRESS)
    address = None if text is None else address_in(text)
    return None if address is None else str(address)


def address_in(text: str) -> IPv4Address | IPv6Address | None:
    """The IP address; None if the text is not one. An IPv4 address mapped to IPv6 is returned as IPv4."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _milliseconds(headers: Mapping[str, str], name: str) -> float | None:
    """The header's value in seconds; None if absent."""
    if (text := headers.get(name)) is None:
        return None
    if text.isascii() and text.isdigit() and len(text) <= _LONGEST_MILLISECONDS:
        return int(text) / 1000
    raise Invalid.field(name, "invalid_header", "must be a whole number of milliseconds")
