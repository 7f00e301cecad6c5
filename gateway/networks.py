"""How networks are named: addresses and networks with commas between them."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network


def networks_in(text: str) -> tuple[Network, ...]:
    """Addresses and networks, separated by commas. Raises ValueError for what is neither."""
    return tuple(ip_network(one.strip()) for one in text.split(",") if one.strip())
