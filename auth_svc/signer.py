"""Knows which key signs now: every replica follows a rotation by itself."""

from datetime import timedelta
from time import monotonic

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from auth_svc.keys import KeyCipher, SigningKey, UnreadableKey
from auth_svc.repository import SealedKey, SigningKeys
from auth_svc.settings import KEY_READ_EVERY, AuthSettings
from contracts.auth import AuthReason, KeyRotation
from mesh.core.errors import Unavailable
from mesh.process.run import StartError
from mesh.security.verifier import LEEWAY

log = structlog.get_logger()


class Signer:
    """The signing key, read from the database every few seconds and decrypted once."""

    def __init__(self, settings: AuthSettings, keys: SigningKeys) -> None:
        self._cipher = KeyCipher(settings.auth_key_encryption_key.get_secret_value())
        self._keys = keys
        self._lead = timedelta(seconds=settings.auth_key_lead)
        self._longest_token = timedelta(seconds=settings.auth_access_token_lifetime + LEEWAY + KEY_READ_EVERY)
        self._read_every = min(KEY_READ_EVERY, settings.auth_key_lead / 4)
        self._read_at = float("-inf")
        self._key: SigningKey | None = None

    async def start(self) -> None:
        """Ensure that a key exists.

        Raises StartError if AUTH_KEY_ENCRYPTION_KEY does not decrypt the key that signs, or one that will.
        """
        await self._keys.ensure_one(self._new())
        try:
            for one in await self._keys.to_sign():
                self._cipher.open(one.key)
        except UnreadableKey as error:
            raise StartError(str(error)) from error

    async def key(self) -> SigningKey:
        """The key that signs now. Raises Unavailable if it was encrypted under another replica's key."""
        if self._key is None or monotonic() > self._read_at + self._read_every:
            began = monotonic()
            sealed = (await self._keys.signing()).key
            if self._key is None or self._key.kid != sealed.public.kid:
                self._key = self._opened(sealed)
            self._read_at = began
        return self._key

    async def rotate(self) -> KeyRotation:
        """Publish a new key. It signs once every verifier can have it."""
        following = await self._keys.rotate(self._new(), self._lead, self._longest_token)
        return KeyRotation(kid=following.key.public.kid, signs_from=following.signs_from)

    def _opened(self, sealed: SealedKey) -> SigningKey:
        try:
            return self._cipher.open(sealed)
        except UnreadableKey as error:
            log.error("signing_key_unreadable", why=str(error))  # noqa: TRY400  # one line for an operator
            raise Unavailable(
                AuthReason.SIGNING_KEY_UNREADABLE, "the signing key cannot be read at the moment"
            ) from error

    def _new(self) -> SealedKey:
        return self._cipher.seal(SigningKey.of(Ed25519PrivateKey.generate()))
