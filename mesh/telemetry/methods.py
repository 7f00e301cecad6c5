"""The HTTP methods that metrics and spans name: a client may invent any number of others."""

from typing import Final

_KNOWN: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "QUERY"})
OTHER: Final = "_OTHER"


def known_method(method: str) -> str:
    """The method, or `_OTHER` for an unknown one."""
    return method if method in _KNOWN else OTHER
