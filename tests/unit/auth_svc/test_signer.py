import base64
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from auth_svc.keys import KeyCipher, SigningKey
from auth_svc.repository import SealedKey, SigningKeys
from auth_svc.repository.signing_keys import NumberedKey
from auth_svc.settings import AuthSettings
from auth_svc.signer import Signer
from mesh.core.errors import Unavailable
from mesh.process.run import StartError


class Keys:
    """The keys of the database, the newest first; all sign."""

    def __init__(self, *keys: SealedKey) -> None:
        self.keys = keys

    async def ensure_one(self, _: SealedKey) -> None:
        """There is one."""

    async def to_sign(self) -> tuple[NumberedKey, ...]:
        return tuple(NumberedKey(key, 1, datetime.now(UTC)) for key in self.keys)

    async def signing(self) -> NumberedKey:
        return (await self.to_sign())[0]


def sealed(secret: bytes) -> SealedKey:
    return KeyCipher(secret).seal(SigningKey.of(Ed25519PrivateKey.generate()))


OURS, FOREIGN = sealed(bytes(32)), sealed(b"\x01" * 32)


def signer(*keys: SealedKey) -> Signer:
    settings = AuthSettings(
        auth_mongodb_url="mongodb://127.0.0.1/auth", auth_key_encryption_key=base64.b64encode(bytes(32)).decode()
    )
    return Signer(settings, cast("SigningKeys", Keys(*keys)))


async def test_a_key_that_opens_signs() -> None:
    one = signer(OURS)
    await one.start()
    assert OURS.public.kid == (await one.key()).kid


@pytest.mark.parametrize("keys", [(FOREIGN,), (FOREIGN, OURS), (OURS, FOREIGN)])
async def test_a_key_that_does_not_open_ends_the_start_and_names_the_variable(keys: tuple[SealedKey, ...]) -> None:
    starting: Awaitable[None] = signer(*keys).start()
    with pytest.raises(StartError, match=f"AUTH_KEY_ENCRYPTION_KEY .* {FOREIGN.public.kid}"):
        await starting


async def test_a_key_that_does_not_open_later_is_no_bug_and_hides_the_variable_from_callers() -> None:
    with pytest.raises(Unavailable) as refusal:
        await signer(FOREIGN).key()
    assert ("signing_key_unreadable", True) == (refusal.value.reason, refusal.value.code.retryable)
    assert "AUTH_KEY" not in refusal.value.detail
