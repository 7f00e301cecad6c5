from pathlib import Path

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from mesh.nats.settings import NatsSettings
from mesh.process.run import StartError, read_settings
from ops.certificates import Authority
from ops.nkeys import new_seed, public_key

TLS = "tls://127.0.0.1:4222"
NO_SERVERS = [
    *("127.0.0.1:4222", "http://127.0.0.1:4222", "nats://", "nats://[::1:4222", f"{TLS},"),
    *("nats://127.0.0.1:99999", "nats://127.0.0.1:0", "nats://127.0.0.1:port", f"{TLS},tls://127.0.0.1:-1"),
]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    Authority(folder).issue("client")
    return folder


def settings(**given: object) -> NatsSettings:
    return NatsSettings.model_validate({f"nats_{name}": value for name, value in given.items()})


def test_a_seed_is_told_or_stands_in_a_file(tmp_path: Path) -> None:
    seed = new_seed()
    file = tmp_path / "seed.nk"
    file.write_text(f"{seed}\n")
    for told in (settings(nkey_seed=seed), settings(nkey_seed_file=file)):
        assert (seed, f"nkey {public_key(seed)}") == (told.seed(), told.identity())
        assert seed not in repr(told)
    assert (None, "somebody") == (settings(user="somebody").seed(), settings(user="somebody").identity())


@pytest.mark.parametrize(
    ("message", "given"),
    [
        ("not the seed of an nkey", {"nkey_seed": "a password"}),
        ("not the seed of an nkey", {"nkey_seed": public_key(new_seed())}),
        ("one of them, not both", {"nkey_seed": new_seed(), "nkey_seed_file": __file__}),
        ("not the seed of an nkey", {"nkey_seed_file": __file__}),
        ("does not point to a file", {"nkey_seed_file": "/nowhere"}),
        *(("NATS_URL: must be one URL or several", {"url": url}) for url in NO_SERVERS),
        ("need tls://", {"tls_ca": __file__}),
        ("both or neither", {"url": TLS, "tls_cert": __file__}),
        ("not a certificate", {"url": TLS, "tls_ca": __file__}),
        ("not a certificate", {"url": TLS, "tls_cert": __file__, "tls_key": __file__}),
    ],
)
def test_what_cannot_work_is_said_before_connecting_and_shows_no_secret(
    message: str, given: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(f"NATS_{name.upper()}", str(value))
    with pytest.raises(StartError, match=message) as refused:
        read_settings(NatsSettings)
    assert str(given.get("nkey_seed", "no secret")) not in str(refused.value)


@pytest.mark.parametrize(
    ("told", "perhaps"),
    [
        ("NATS_URLS", "NATS_URL"),
        ("NATS_NKEYS_SEED", "NATS_NKEY_SEED"),
        ("NATS_CONECT_TIMEOUT", "NATS_CONNECT_TIMEOUT"),
        ("NATS_URL", None),
        ("NATS_PORT", None),  # Kubernetes tells each process of the services beside it
        ("NATS_SERVICE_HOST", None),
        ("NAT_URL", None),
    ],
)
def test_a_variable_that_is_misspelt_is_told(told: str, perhaps: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(told, "nats://127.0.0.1:4222")
    with capture_logs() as logs:
        read_settings(NatsSettings)
    warning = {"event": "unknown_variable", "log_level": "warning", "name": told, "perhaps": perhaps}
    assert ([warning] if perhaps else []) == logs


def test_the_name_of_an_encrypted_server_is_checked(certificates: Path) -> None:
    plain, encrypted = settings(), settings(url=TLS, tls_ca=certificates / "ca.pem")
    assert plain.tls() is None
    context = encrypted.tls()
    assert context is not None
    assert context.check_hostname
    assert 1 == context.cert_store_stats()["x509_ca"]  # the one that was named, and no other


def test_a_certificate_of_our_own_goes_with_its_key(certificates: Path) -> None:
    certificate, key = certificates / "client.pem", certificates / "client-key.pem"
    assert settings(url=TLS, tls_cert=certificate, tls_key=key).tls() is not None
    with pytest.raises(ValidationError, match="not its key"):
        settings(url=TLS, tls_cert=certificate, tls_key=certificates / "ca-key.pem")
