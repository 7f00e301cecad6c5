"""Reads addresses and networks from a comma-separated text."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network


def networks_in(text: str) -> tuple[Network, ...]:
    """The networks. A single address counts as one. Raises ValueError for anything else."""
    return tuple(ip_network(one.strip()) for one in text.split(",") if one.strip())
