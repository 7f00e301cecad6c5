"""Makes the tokens that users get by e-mail, and the digests by which the database knows them."""

import base64
import hashlib
import hmac
import uuid
from datetime import datetime

from auth_svc.repository import LIFETIME, NewToken
from contracts.auth_mail import TokenPurpose
from providers.mongo.operation import now


class TokenIssuer:
    """Computes a token from its id by HMAC-SHA256. So each attempt to send a mail contains the same token.

    The database has the SHA-256 digest of a token, and neither the token nor `secret`: a copy of either is not enough.
    The token has 256 bits, which a slow hash would not make harder to guess.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def new(self, purpose: TokenPurpose, token_id: str | None = None, requested_at: datetime | None = None) -> NewToken:
        """A token as the database stores it. Defaults: a new id, and the current time."""
        token_id = token_id or uuid.uuid4().hex
        requested_at = requested_at or now()
        return NewToken(token_id, purpose, digest(self.token(token_id)), requested_at, requested_at + LIFETIME[purpose])

    def token(self, token_id: str) -> str:
        """The token with this id: 43 characters of base64url."""
        proof = hmac.digest(self._secret, bytes.fromhex(token_id), "sha256")
        return base64.urlsafe_b64encode(proof).decode().rstrip("=")


def digest(token: str) -> str:
    """What the database stores of a token."""
    return hashlib.sha256(token.encode()).hexdigest()
