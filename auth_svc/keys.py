"""The keys that sign access tokens, and how their private part is kept: encrypted, bound to its key id."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from auth_svc.repository import SealedKey
from contracts.auth import Jwk

_NONCE_LENGTH = 12


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 key pair; `kid` is its public part's thumbprint (RFC 7638, RFC 8037)."""

    kid: str
    x: str
    """The public part, as a JWK has it: base64url without padding."""
    private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def of(cls, private: Ed25519PrivateKey) -> Self:
        """The pair that the private part makes."""
        x = _base64url(private.public_key().public_bytes_raw())
        # The members that RFC 7638 wants, in its order and without spaces.
        members = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": x}, separators=(",", ":"))
        return cls(_base64url(hashlib.sha256(members.encode()).digest()), x, private)


class UnreadableKey(Exception):
    """A signing key in the database does not open: AUTH_KEY_ENCRYPTION_KEY is another one, or the key was changed."""

    def __init__(self, kid: str) -> None:
        super().__init__(
            f"AUTH_KEY_ENCRYPTION_KEY is not the one that encrypted the signing key {kid} in the "
            "database: set that one again"
        )


class KeyCipher:
    """AES-256-GCM under AUTH_KEY_ENCRYPTION_KEY; the key id is authenticated along, so that keys cannot be swapped."""

    def __init__(self, secret: bytes) -> None:
        self._aead = AESGCM(secret)

    def seal(self, key: SigningKey) -> SealedKey:
        """Encrypt the private part, under a nonce of its own."""
        nonce = secrets.token_bytes(_NONCE_LENGTH)
        sealed = nonce + self._aead.encrypt(nonce, key.private.private_bytes_raw(), key.kid.encode())
        return SealedKey(Jwk(kid=key.kid, x=key.x), sealed)

    def open(self, key: SealedKey) -> SigningKey:
        """Decrypt it. Raises UnreadableKey where it was encrypted under another key, or changed."""
        nonce, ciphertext = key.sealed[:_NONCE_LENGTH], key.sealed[_NONCE_LENGTH:]
        try:
            private = self._aead.decrypt(nonce, ciphertext, key.public.kid.encode())
        except InvalidTag:
            raise UnreadableKey(key.public.kid) from None
        return SigningKey.of(Ed25519PrivateKey.from_private_bytes(private))


def derived(secret: bytes, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose alone (HKDF, RFC 5869)."""
    return HKDF(SHA256(), 32, salt=None, info=purpose.encode()).derive(secret)


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
