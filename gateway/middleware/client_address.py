"""Where a request comes from: the peer, or whom a trusted proxy names."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Final

import structlog
from starlette.types import Scope

from gateway.networks import Network
from mesh.wire.request_headers import address_in

log = structlog.get_logger()

_FORWARDED_FOR: Final = b"x-forwarded-for"
_WITH_PORT: Final = re.compile(r"\[(?P<v6>[^]]*)\](:\d+)?|(?P<v4>[\d.]+):\d+")


def client_address(scope: Scope, proxies: Sequence[Network]) -> str | None:
    """The client's IP address; None where there is none, as on a Unix socket.

    Anybody may send X-Forwarded-For (RFC 7239, section 8.1), so it is read from its end, where the nearest proxy
    writes, and only as far as trusted proxies go.
    """
    peer: str | None = scope["client"][0] if scope.get("client") else None
    if peer is None:
        return None
    forwarded = [value for name, value in scope["headers"] if name == _FORWARDED_FOR]
    if not forwarded:
        return peer
    if not _among(peer, proxies):
        warn_of_untrusted()
        return peer
    address = peer
    for hop in reversed(b",".join(forwarded).decode("latin-1").split(",")):
        if not _among(address, proxies):
            return address
        named = _without_port(hop.strip())
        if address_in(named) is None:
            return address
        address = named
    return address


def _without_port(hop: str) -> str:
    """Some proxies name the port too, and put brackets around IPv6, as RFC 7239, section 6, has it."""
    found = _WITH_PORT.fullmatch(hop)
    return (found["v6"] or found["v4"] or hop) if found else hop


@cache  # once in a process, whoever sends how many
def warn_of_untrusted() -> None:
    """Tell that a peer is not believed."""
    log.warning(
        "x_forwarded_for_not_believed",
        detail="behind a proxy all clients have its address: name it in GATEWAY_TRUSTED_PROXIES",
    )


def _among(address: str, proxies: Sequence[Network]) -> bool:
    one = address_in(address)
    return one is not None and any(one in network for network in proxies)
