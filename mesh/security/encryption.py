"""Encrypts secrets that a service keeps in its database: a copy of the database alone does not show them."""

import base64
import binascii
import hashlib
import secrets
from typing import Annotated, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import BeforeValidator, SecretBytes
from pydantic_settings import NoDecode

_KEY: Final = 32
_NONCE: Final = 12
_KEY_ID: Final = 8


class Undecryptable(Exception):
    """The secret was encrypted under another key, belongs to something else, or was altered."""


class Cipher:
    """AES-256-GCM. The first key encrypts, every key decrypts: so a key can be replaced."""

    def __init__(self, *keys: bytes) -> None:
        """`keys`: 32 bytes each, at least one."""
        self._aeads = [AESGCM(key) for key in keys]
        self.key_id = hashlib.sha256(keys[0]).hexdigest()[:_KEY_ID]
        """Names the key that encrypts, without showing it."""

    def encrypt(self, secret: bytes, owner: str) -> bytes:
        """Encrypt with a fresh nonce. Only the same `owner` decrypts it: stored secrets cannot be swapped."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._aeads[0].encrypt(nonce, secret, owner.encode())

    def decrypt(self, encrypted: bytes, owner: str) -> bytes:
        """The secret. Raises Undecryptable."""
        for aead in self._aeads:
            try:
                return aead.decrypt(encrypted[:_NONCE], encrypted[_NONCE:], owner.encode())
            except (InvalidTag, ValueError):  # ValueError: the nonce is too short
                continue
        raise Undecryptable


def _key(text: object) -> bytes:
    try:
        key = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY:
        raise ValueError(f"must be {_KEY} bytes in base64, such as `openssl rand -base64 {_KEY}` makes")
    return key


def _keys(text: object) -> tuple[bytes, ...]:
    return tuple(_key(one.strip()) for one in text.split(",")) if isinstance(text, str) else (_key(text),)


EncryptionKey = Annotated[SecretBytes, BeforeValidator(_key)]
"""A setting: one key, in base64."""
EncryptionKeys = Annotated[tuple[SecretBytes, ...], NoDecode, BeforeValidator(_keys)]
"""A setting: keys in base64 with commas between them, the one that encrypts first."""
