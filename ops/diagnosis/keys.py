"""Findings about the keys that verify access tokens."""

from typing import Final

from mesh.core.reading import Unreadable
from mesh.transport.base import NO_HEADERS, Transport
from mesh.wire import names
from ops.diagnosis.finding import Finding
from subjects import AUTH_JWKS

_WITHIN: Final = 2.0
_MANY: Final = 10
"""Keys. A rotation keeps the old one until its tokens have expired."""


async def signing_keys(transport: Transport) -> list[Finding]:
    """Whether auth hands out a key. Raises MeshError if it does not answer."""
    reply = await transport.request(AUTH_JWKS.subject, b"{}", NO_HEADERS, _WITHIN)
    try:
        keys = () if names.ERROR_CODE in reply.headers else AUTH_JWKS.read_reply(reply.payload).keys
    except Unreadable:
        keys = ()
    if not keys:
        return [Finding("error", "keys", "auth hands out no key: no token can be verified", "read the log of auth")]
    if len(keys) > _MANY:
        what = f"auth hands out {len(keys)} keys: old ones are not removed"
        return [Finding("warning", "keys", what, "read the log of auth")]
    return [Finding("ok", "keys", f"auth hands out {len(keys)} key{'s' if len(keys) > 1 else ''} for access tokens")]
