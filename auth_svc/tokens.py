"""The tokens that a session hands out: signed access tokens, and refresh tokens that only their hash is kept of."""

import hashlib
import secrets
import time
import uuid

import jwt

from auth_svc.keys import SigningKey
from auth_svc.settings import AuthSettings
from contracts.auth import User
from mesh.tokens import ALGORITHM, TYPE

_REFRESH_TOKEN_BYTES = 32


class AccessTokens:
    """Signs JWTs that prove a user and a session (RFC 9068); `mesh.tokens.Verifier` is their other side."""

    def __init__(self, settings: AuthSettings, key: SigningKey) -> None:
        self.lifetime = settings.auth_access_token_lifetime
        """In seconds."""
        self._settings = settings
        self._key = key

    def sign(self, user: User, session_id: str) -> str:
        """An access token for the user as of now."""
        now = int(time.time())
        claims = {
            "iss": self._settings.token_issuer,
            "aud": self._settings.token_audience,
            "sub": user.user_id,
            "sid": session_id,
            "jti": uuid.uuid4().hex,
            "roles": list(user.roles),
            "iat": now,
            "nbf": now,
            "exp": now + self.lifetime,
        }
        return jwt.encode(claims, self._key.private, ALGORITHM, headers={"typ": TYPE, "kid": self._key.kid})


def new_refresh_token() -> str:
    """256 random bits in base64url: the session's secret, which only its client knows."""
    return secrets.token_urlsafe(_REFRESH_TOKEN_BYTES)


def digest(refresh_token: str) -> str:
    """What is stored of a refresh token. It is random, so that no slow hash is needed."""
    return hashlib.sha256(refresh_token.encode()).hexdigest()
