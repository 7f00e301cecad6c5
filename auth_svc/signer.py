"""Which key signs now: every replica follows a rotation by itself."""

from datetime import timedelta
from time import monotonic

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from auth_svc.keys import KeyCipher, SealedKey, SigningKey
from auth_svc.repository import SigningKeys
from auth_svc.settings import KEY_READ_EVERY, AuthSettings
from contracts.auth import KeyRotation
from mesh.security.verifier import LEEWAY


class Signer:
    """The key that signs, read from the database every few seconds; it is decrypted once."""

    def __init__(self, settings: AuthSettings, keys: SigningKeys) -> None:
        self._cipher = KeyCipher(settings.auth_key_encryption_key.get_secret_value())
        self._keys = keys
        self._lead = timedelta(seconds=settings.auth_key_lead)
        self._longest_token = timedelta(seconds=settings.auth_access_token_lifetime + LEEWAY + KEY_READ_EVERY)
        self._read_every = min(KEY_READ_EVERY, settings.auth_key_lead / 4)
        self._read_at = float("-inf")
        self._key: SigningKey | None = None

    async def start(self) -> None:
        """See to it that there is a key. Raises StartError for one that AUTH_KEY_ENCRYPTION_KEY does not open."""
        await self._keys.ensure_one(self._new())
        await self.key()

    async def key(self) -> SigningKey:
        """The key that signs now."""
        if self._key is None or monotonic() > self._read_at + self._read_every:
            began = monotonic()
            sealed = (await self._keys.signing()).key
            if self._key is None or self._key.kid != sealed.public.kid:
                self._key = self._cipher.open(sealed)
            self._read_at = began
        return self._key

    async def rotate(self) -> KeyRotation:
        """Publish a new key; it signs as soon as everybody can know it."""
        following = await self._keys.rotate(self._new(), self._lead, self._longest_token)
        return KeyRotation(kid=following.key.public.kid, signs_from=following.signs_from)

    def _new(self) -> SealedKey:
        return self._cipher.seal(SigningKey.of(Ed25519PrivateKey.generate()))
