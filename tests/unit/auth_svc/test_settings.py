import base64

import pytest

from auth_svc.settings import AuthSettings
from mesh.process.run import StartError, read_settings

KEY = base64.b64encode(bytes(range(32))).decode()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("AUTH_MONGODB_URL", "mongodb://auth:s3cret@db.test/auth")
    monkeypatch.setenv("AUTH_KEY_ENCRYPTION_KEY", KEY)
    for name in ("AUTH_ADMIN_EMAIL", "AUTH_ADMIN_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_the_encryption_key_is_32_bytes_of_base64() -> None:
    assert bytes(range(32)) == read_settings(AuthSettings).auth_key_encryption_key.get_secret_value()


@pytest.mark.parametrize("wrong", ["c2hvcnQ=", "not base64", KEY + "AAAA", "ü"])
def test_any_other_encryption_key_is_refused_without_showing_it(environment: pytest.MonkeyPatch, wrong: str) -> None:
    environment.setenv("AUTH_KEY_ENCRYPTION_KEY", wrong)
    with pytest.raises(StartError, match=r"AUTH_KEY_ENCRYPTION_KEY: .*32 bytes in base64") as refusal:
        read_settings(AuthSettings)
    assert wrong not in str(refusal.value)


def test_a_url_that_is_not_mongodbs_is_refused_without_showing_it(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AUTH_MONGODB_URL", "auth:s3cret@db.test/auth")
    with pytest.raises(StartError, match=r"AUTH_MONGODB_URL: .*mongodb://host:port/database") as refusal:
        read_settings(AuthSettings)
    assert "s3cret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "value"), [("AUTH_ADMIN_EMAIL", "admin@mesh.test"), ("AUTH_ADMIN_PASSWORD", "correct horse battery")]
)
def test_an_administrator_needs_both_email_and_password(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(name, value)
    with pytest.raises(StartError, match=r"AUTH_ADMIN_PASSWORD: .*both AUTH_ADMIN_EMAIL and AUTH_ADMIN_PASSWORD"):
        read_settings(AuthSettings)


def test_an_empty_variable_is_one_that_is_not_set(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AUTH_ADMIN_EMAIL", "")
    environment.setenv("AUTH_ADMIN_PASSWORD", "")
    assert read_settings(AuthSettings).auth_admin_email is None


def test_settings_do_not_show_secrets(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AUTH_ADMIN_EMAIL", "admin@mesh.test")
    environment.setenv("AUTH_ADMIN_PASSWORD", "correct horse battery")
    shown = repr(read_settings(AuthSettings))
    assert [] == [secret for secret in ("s3cret", KEY, "correct horse", "\\x00\\x01") if secret in shown]
