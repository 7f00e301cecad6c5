import base64
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from auth_svc.keys import KeyCipher, SigningKey, UnreadableKey


def test_a_key_id_is_the_thumbprint_of_rfc_7638() -> None:
    # RFC 8037, appendices A.1 to A.3.
    key = SigningKey.of(
        Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="))
    )
    assert "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" == key.x
    assert "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" == key.kid


@pytest.fixture
def key() -> SigningKey:
    return SigningKey.of(Ed25519PrivateKey.generate())


@pytest.fixture
def cipher() -> KeyCipher:
    return KeyCipher(bytes(32))


def test_a_sealed_key_opens_to_the_same_key(cipher: KeyCipher, key: SigningKey) -> None:
    opened = cipher.open(cipher.seal(key))
    assert (key.kid, key.x) == (opened.kid, opened.x)
    assert key.private.private_bytes_raw() == opened.private.private_bytes_raw()


def test_sealing_twice_shows_no_likeness(cipher: KeyCipher, key: SigningKey) -> None:
    assert cipher.seal(key).sealed != cipher.seal(key).sealed


def test_neither_a_sealed_key_nor_a_repr_shows_the_private_part(cipher: KeyCipher, key: SigningKey) -> None:
    private = key.private.private_bytes_raw()
    assert private not in cipher.seal(key).sealed
    assert "Private" not in repr(key)
    assert "sealed" not in repr(cipher.seal(key))


def test_another_encryption_key_opens_nothing_and_says_which_variable(cipher: KeyCipher, key: SigningKey) -> None:
    with pytest.raises(UnreadableKey, match=f"AUTH_KEY_ENCRYPTION_KEY did not encrypt .* {key.kid}"):
        KeyCipher(b"\x01" * 32).open(cipher.seal(key))


def test_a_sealed_key_does_not_open_under_another_keys_id(cipher: KeyCipher, key: SigningKey) -> None:
    other = SigningKey.of(Ed25519PrivateKey.generate())
    swapped = replace(cipher.seal(key), public=cipher.seal(other).public)
    with pytest.raises(UnreadableKey):
        cipher.open(swapped)


@pytest.mark.parametrize("position", [0, 12, -1])
def test_a_sealed_key_that_was_changed_does_not_open(cipher: KeyCipher, key: SigningKey, position: int) -> None:
    sealed = cipher.seal(key)
    changed = bytearray(sealed.sealed)
    changed[position] ^= 1
    with pytest.raises(UnreadableKey):
        cipher.open(replace(sealed, sealed=bytes(changed)))
