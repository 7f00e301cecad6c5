"""The keys that sign access tokens. Their private part is stored encrypted and bound to the key id."""

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from auth_svc.repository import SealedKey
from contracts.auth import Jwk
from mesh.security.encryption import Cipher, Undecryptable


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 key pair. `kid` is the thumbprint of its public part (RFC 7638, RFC 8037)."""

    kid: str
    x: str
    """The public part as in a JWK: base64url without padding."""
    private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def of(cls, private: Ed25519PrivateKey) -> Self:
        """The pair with this private part."""
        x = _base64url(private.public_key().public_bytes_raw())
        # The members that RFC 7638 requires, in its order and without spaces.
        members = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": x}, separators=(",", ":"))
        return cls(_base64url(hashlib.sha256(members.encode()).digest()), x, private)


class UnreadableKey(Exception):
    """A signing key in the database cannot be decrypted: AUTH_KEY_ENCRYPTION_KEY or the key has changed."""

    def __init__(self, kid: str) -> None:
        super().__init__(
            f"AUTH_KEY_ENCRYPTION_KEY did not encrypt the signing key {kid} in the database: restore the former value"
        )


class KeyCipher:
    """Encrypts signing keys under AUTH_KEY_ENCRYPTION_KEY, each bound to its key id."""

    def __init__(self, secret: bytes) -> None:
        self._cipher = Cipher(secret)

    def seal(self, key: SigningKey) -> SealedKey:
        """Encrypt the private part."""
        return SealedKey(Jwk(kid=key.kid, x=key.x), self._cipher.encrypt(key.private.private_bytes_raw(), key.kid))

    def open(self, key: SealedKey) -> SigningKey:
        """Decrypt the private part. Raises UnreadableKey if it was encrypted under another key, or altered."""
        try:
            private = self._cipher.decrypt(key.sealed, key.public.kid)
        except Undecryptable:
            raise UnreadableKey(key.public.kid) from None
        return SigningKey.of(Ed25519PrivateKey.from_private_bytes(private))


def derived(secret: bytes, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose (HKDF, RFC 5869)."""
    return HKDF(SHA256(), 32, salt=None, info=purpose.encode()).derive(secret)


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
