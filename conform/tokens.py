"""Access tokens: the kit stands in for auth and signs good and bad ones, or logs in at the auth of the mesh."""

import base64
import hashlib
import json
import time
from collections.abc import Mapping
from typing import Any, Final, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mesh.nats.client import publish_command
from mesh.nats.transport import NatsTransport
from mesh.transport.base import Message
from mesh.wire.headers import encode
from mesh.wire.names import QUEUE_GROUP, REQUEST_ID

JWKS: Final = "auth.jwks"
KID: Final = "conformance-kit"
HEADER: Final[Mapping[str, object]] = {"alg": "EdDSA", "typ": "at+jwt", "kid": KID}
HOUR: Final = 3600

# The same in each run: a worker asks for a new key only once a minute. It opens nothing but a private bus on which the
# kit itself answers `auth.jwks`.
_KEY: Final = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"northwind-mesh conformance kit").digest())


class Tokens(Protocol):
    """Where tokens come from."""

    @property
    def mints(self) -> bool:
        """Whether it can sign any token, a bad one too."""

    def token(self, account: str) -> str | None:
        """The access token of `user`, `admin`, `other user` or `other admin`; None if there is none."""


def text(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def claims(sub: str = "conform-user", /, *roles: str, **changes: object) -> dict[str, object]:
    """The claims of a good token, with changes. A change to None leaves the claim out."""
    now = int(time.time())
    made: dict[str, object] = {
        "iss": "northwind-mesh",
        "aud": "northwind-mesh",
        "sub": sub,
        "sid": f"session-of-{sub}",
        "jti": "conform",
        "iat": now,
        "nbf": now,
        "exp": now + HOUR,
        "roles": list(roles),
        **changes,
    }
    return {name: value for name, value in made.items() if value is not None}


def signed(said: object, header: object = HEADER, key: Ed25519PrivateKey = _KEY) -> str:
    """The token of these claims."""
    parts = [text(one if isinstance(one, bytes) else json.dumps(one).encode()) for one in (header, said)]
    return ".".join((*parts, text(key.sign(".".join(parts).encode()))))


class StandIn:
    """Answers `auth.jwks` in place of auth, and signs tokens."""

    mints = True
    _ROLES: Final[Mapping[str, tuple[str, ...]]] = {
        "user": ("USER",),
        "other user": ("USER",),
        "admin": ("USER", "ADMIN"),
        "other admin": ("USER", "ADMIN"),
    }
    _IDS: Final[Mapping[str, str]] = {name: hashlib.md5(name.encode()).hexdigest() for name in _ROLES}  # noqa: S324  # an id

    def __init__(self, transport: NatsTransport) -> None:
        self.asked = 0
        self._transport = transport

    async def start(self) -> None:
        """Serve the keys."""
        await self._transport.subscribe(JWKS, self._answer, QUEUE_GROUP)

    def _answer(self, message: Message) -> None:
        self.asked += 1
        key = {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": KID}
        jwks = {"keys": [{**key, "x": text(_KEY.public_key().public_bytes_raw())}]}
        headers = {REQUEST_ID: message.headers.get(REQUEST_ID, KID)}
        self._transport.connection.send(_reply(message.reply, json.dumps(jwks).encode(), headers))

    def token(self, account: str) -> str | None:
        """See Tokens.token."""
        if account not in self._ROLES:
            return None
        return signed(claims(self._IDS[account], *self._ROLES[account]))


class Given:
    """Tokens that somebody else has signed."""

    mints = False

    def __init__(self, tokens: Mapping[str, str]) -> None:
        self._tokens = tokens

    def token(self, account: str) -> str | None:
        """See Tokens.token."""
        return self._tokens.get(account)


def _reply(subject: str, payload: bytes, headers: Mapping[str, str]) -> bytes:
    return publish_command(subject, payload, encode(headers), "")


def payload_of(token: str) -> dict[str, Any]:
    """The claims of a token, unverified."""
    part = token.split(".")[1]
    read: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return read
