"""Where a request comes from: the peer, or whom a trusted proxy names."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from starlette.types import Scope

Network: TypeAlias = IPv4Network | IPv6Network


def networks_in(text: str) -> tuple[Network, ...]:
    """Addresses and networks, separated by commas. Raises ValueError for what is neither."""
    return tuple(ip_network(one.strip()) for one in text.split(",") if one.strip())


def client_address(scope: Scope, proxies: Sequence[Network]) -> str | None:
    """The client's IP address; None where there is none, as on a Unix socket.

    Anybody may send X-Forwarded-For (RFC 7239, section 8.1), so it is read from its end, where the nearest proxy
    writes, and only as far as trusted proxies go.
    """
    peer: str | None = scope["client"][0] if scope.get("client") else None
    if not proxies or peer is None:
        return peer
    named = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for").decode("latin-1")
    address = peer
    for hop in reversed(named.split(",")):
        if not _among(address, proxies):
            return address
        if not _is_address(hop.strip()):
            return address
        address = hop.strip()
    return address


def _among(address: str, proxies: Sequence[Network]) -> bool:
    return _is_address(address) and any(ip_address(address) in network for network in proxies)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
