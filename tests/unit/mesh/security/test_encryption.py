import base64

import pytest
from pydantic import ValidationError

from mesh.core.settings import Settings
from mesh.security.encryption import Cipher, EncryptionKeys, Undecryptable

OLD, NEW = bytes(32), bytes(range(32))


class Sample(Settings):
    """Settings with keys."""

    sample_keys: EncryptionKeys


def test_the_first_key_encrypts_and_every_key_decrypts() -> None:
    encrypted = Cipher(NEW, OLD).encrypt(b"secret", "owner")

    assert b"secret" == Cipher(NEW).decrypt(encrypted, "owner")
    assert b"secret" == Cipher(OLD, NEW).decrypt(encrypted, "owner")
    with pytest.raises(Undecryptable):
        Cipher(OLD).decrypt(encrypted, "owner")


@pytest.mark.parametrize("encrypted", [b"", b"short", bytes(28)])
def test_what_was_never_encrypted_is_undecryptable(encrypted: bytes) -> None:
    with pytest.raises(Undecryptable):
        Cipher(OLD).decrypt(encrypted, "owner")


def test_keys_stand_in_one_variable_with_commas_between_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMPLE_KEYS", ", ".join(base64.b64encode(key).decode() for key in (NEW, OLD)))

    assert [NEW, OLD] == [key.get_secret_value() for key in Sample.model_validate({}).sample_keys]


@pytest.mark.parametrize("wrong", ["c2hvcnQ=", f"{base64.b64encode(OLD).decode()},"])
def test_any_wrong_key_is_refused(wrong: str) -> None:
    with pytest.raises(ValidationError, match="32 bytes in base64"):
        Sample.model_validate({"sample_keys": wrong})
