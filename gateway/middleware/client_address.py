"""The address of the client: the peer's, or the one that a trusted proxy names."""

import re
from collections.abc import Sequence
from typing import Final

import structlog
from starlette.types import Scope

from gateway.networks import Network
from gateway.semantics.fields import fields
from mesh.wire.request_headers import address_in

log = structlog.get_logger()

_FORWARDED_FOR: Final = b"x-forwarded-for"
_WITH_PORT: Final = re.compile(r"\[(?P<v6>[^]]*)\](:\d+)?|(?P<v4>[\d.]+):\d+")


class ClientAddresses:
    """Finds the IP address of each request's client. `proxies`: whose X-Forwarded-For is trusted."""

    def __init__(self, proxies: Sequence[Network]) -> None:
        self._proxies = proxies
        self._warned = False

    def find(self, scope: Scope) -> str | None:
        """The address; None where there is none, as on a Unix socket.

        Anyone can send X-Forwarded-For (RFC 7239, section 8.1). So it is read from its end, where the nearest proxy
        writes, and only as far as trusted proxies go.
        """
        peer: str | None = scope["client"][0] if scope.get("client") else None
        if peer is None:
            return None
        forwarded = fields(scope).get(_FORWARDED_FOR)
        if forwarded is None:
            return peer
        if not self._is_proxy(peer):
            self._warn()
            return peer
        address = peer
        for hop in reversed(forwarded.decode("latin-1").split(",")):
            if not self._is_proxy(address):
                return address
            named = _without_port(hop.strip())
            if address_in(named) is None:
                return address
            address = named
        return address

    def _is_proxy(self, address: str) -> bool:
        one = address_in(address)
        return one is not None and any(one in network for network in self._proxies)

    def _warn(self) -> None:
        """Warn once: every request of such a peer would repeat it."""
        if not self._warned:
            self._warned = True
            log.warning(
                "x_forwarded_for_not_trusted",
                detail="behind a proxy all clients have the proxy's address: add it to GATEWAY_TRUSTED_PROXIES",
            )


def _without_port(hop: str) -> str:
    """Some proxies add the port, and brackets around IPv6 (RFC 7239, section 6)."""
    found = _WITH_PORT.fullmatch(hop)
    return (found["v6"] or found["v4"] or hop) if found else hop
