"""Checks the URLs of webhooks: a user must not reach hosts of the internal network through this service (SSRF)."""

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from notifications_svc.channel import Later

_PORTS: Final = {"https": 443, "http": 80}
_GLOBAL_UNICAST: Final = ip_network("2000::/3")
"""All that IANA has given out. Outside of it are forms of IPv4 addresses (NAT64, SIIT) and site-local networks, which
`is_global` lets pass."""
_PROTOCOLS: Final = ip_network("192.0.0.0/24")
"""For protocols between neighbours (RFC 6890), not for hosts."""
Address = IPv4Address | IPv6Address


class WebhookPlace(NamedTuple):
    """The parts of a webhook's URL."""

    scheme: str
    netloc: str
    """Host and port as in the URL."""
    host: str
    port: int
    path: str
    """Includes the query."""


def place(url: str, *, private: bool) -> WebhookPlace:
    """The parts of the URL. `private`: whether http:// and private addresses are allowed. Raises ValueError."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("is not a URL") from None
    if parts.scheme != "https" and not (private and parts.scheme == "http"):
        raise ValueError("must be an https:// URL")
    if not host or port == 0 or parts.username is not None or parts.password is not None or parts.fragment:
        raise ValueError("must have a host, and neither a user nor a fragment")
    if not private and (host == "localhost" or ((literal := _literal(host)) and not is_public(literal))):
        raise ValueError("must have a public address")
    query = f"?{parts.query}" if parts.query else ""
    return WebhookPlace(parts.scheme, parts.netloc, host, port or _PORTS[parts.scheme], f"{parts.path or '/'}{query}")


async def resolve(where: WebhookPlace, *, private: bool) -> Address:
    """The address to connect to. It is checked here and must not be looked up again. Raises Later."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(where.host, where.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Later(f"{where.host} cannot be resolved: {error}") from None
    addresses = [ip_address(one[4][0]) for one in found]
    if not private and not all(map(is_public, addresses)):
        raise Later(f"{where.host} has an address that is not public")
    return addresses[0]


def is_public(address: Address) -> bool:
    """Whether the address is public, and not a public form of a private one."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address.sixtofour is not None or address.teredo is not None or address not in _GLOBAL_UNICAST:
            return False
    return address.is_global and not address.is_multicast and address not in _PROTOCOLS


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
