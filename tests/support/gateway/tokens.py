"""Access tokens as the auth service signs them, by a key of the tests' own."""

import base64
import time
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mesh.security.settings import TokenSettings
from mesh.security.verifier import ALGORITHM, TYPE

SETTINGS: Final = TokenSettings()
KEY_ID: Final = "test"

_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def public_key() -> str:
    """The key's public half, as a JWK's `x`."""
    return base64.urlsafe_b64encode(_KEY.public_key().public_bytes_raw()).rstrip(b"=").decode()


def bearer(*roles: str, kid: str = KEY_ID, **claims: Any) -> dict[str, str]:  # noqa: ANN401  # claims are JSON
    """The header of a user with these roles; `claims` replace those of a valid token."""
    now = int(time.time())
    payload = {
        "iss": SETTINGS.token_issuer,
        "aud": SETTINGS.token_audience,
        "sub": "u1",
        "sid": "s1",
        "jti": "t1",
        "roles": list(roles),
        "iat": now,
        "nbf": now,
        "exp": now + 86_400,  # test modules keep tokens as constants: they must outlive a slow run
        **claims,
    }
    token = jwt.encode(payload, _KEY, ALGORITHM, {"kid": kid, "typ": TYPE})
    return {"Authorization": f"Bearer {token}"}
