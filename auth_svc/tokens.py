"""A session's tokens: signed access tokens, and refresh tokens that are computed, not stored."""

import base64
import binascii
import hashlib
import hmac
import time
import uuid
from dataclasses import dataclass, field

import jwt

from auth_svc.keys import SigningKey
from auth_svc.repository import Session
from auth_svc.settings import AuthSettings
from contracts.auth import User
from mesh.security.verifier import ALGORITHM, TYPE

_ID_LENGTH, _GENERATION_LENGTH = 16, 4
_TOKEN_LENGTH = _ID_LENGTH + _GENERATION_LENGTH + hashlib.sha256().digest_size


class AccessTokens:
    """Creates JWTs that prove a user and a session (RFC 9068). `mesh.security.verifier.Verifier` verifies them."""

    def __init__(self, settings: AuthSettings) -> None:
        self._lifetime = settings.auth_access_token_lifetime
        self._settings = settings

    def sign(self, key: SigningKey, user: User, session: Session) -> tuple[str, int]:
        """An access token for the user as of now, and its lifetime in seconds: never longer than its session."""
        now = int(time.time())
        lifetime = max(0, min(self._lifetime, int(session.expires_at.timestamp()) - now))
        claims = {
            "iss": self._settings.token_issuer,
            "aud": self._settings.token_audience,
            "sub": user.user_id,
            "sid": session.session_id,
            "jti": uuid.uuid4().hex,
            "roles": list(user.roles),
            "iat": now,
            "nbf": now,
            "exp": now + lifetime,
        }
        return jwt.encode(claims, key.private, ALGORITHM, headers={"typ": TYPE, "kid": key.kid}), lifetime


@dataclass(frozen=True, slots=True)
class Presented:
    """The contents of a refresh token, not yet proved."""

    session_id: str
    generation: int
    proof: bytes = field(repr=False)


class RefreshTokens:
    """Computes a session's refresh tokens: session id, number, and an HMAC-SHA256 over both and a seed.

    So a reused token differs from a forged one, and a lost reply can be repeated (RFC 9700, section 4.14.2), although
    no token is stored. `secret` is not in the database, and the seed is not in the token: a copy of either does not
    make tokens.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def issue(self, session: Session) -> str:
        """The session's current token, in base64url."""
        number = session.generation.to_bytes(_GENERATION_LENGTH)
        body = bytes.fromhex(session.session_id) + number + self._proof(session, session.generation)
        return base64.urlsafe_b64encode(body).decode().rstrip("=")

    def proves(self, presented: Presented, session: Session) -> bool:
        """Whether the token is one that the session issued."""
        genuine = hmac.compare_digest(presented.proof, self._proof(session, presented.generation))
        return genuine and presented.generation <= session.generation

    def _proof(self, session: Session, generation: int) -> bytes:
        body = session.seed + bytes.fromhex(session.session_id) + generation.to_bytes(_GENERATION_LENGTH)
        return hmac.digest(self._secret, body, "sha256")


def read(refresh_token: str) -> Presented | None:
    """The contents of the token; None if it is malformed."""
    try:
        body = base64.urlsafe_b64decode(refresh_token + "=" * (-len(refresh_token) % 4))
    except (binascii.Error, ValueError):
        return None
    if len(body) != _TOKEN_LENGTH:
        return None
    session_id, rest = body[:_ID_LENGTH], body[_ID_LENGTH:]
    return Presented(session_id.hex(), int.from_bytes(rest[:_GENERATION_LENGTH]), rest[_GENERATION_LENGTH:])
