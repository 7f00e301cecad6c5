"""A certificate and its key: renewed in time, and a pair whenever somebody looks."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ops import certificates
from ops.certificates import Authority


def is_pair(folder: Path, name: str = "server") -> bool:
    certificate = x509.load_pem_x509_certificate((folder / f"{name}.pem").read_bytes())
    key = load_pem_private_key((folder / f"{name}-key.pem").read_bytes(), None)
    return certificate.public_key() == key.public_key()


def issue(folder: Path) -> tuple[bytes, bytes]:
    Authority(folder).issue("server", ["localhost"])
    return (folder / "server.pem").read_bytes(), (folder / "server-key.pem").read_bytes()


def test_what_is_good_for_long_is_kept(tmp_path: Path) -> None:
    assert issue(tmp_path) == issue(tmp_path)


def test_a_month_before_its_end_both_are_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = issue(tmp_path)
    monkeypatch.setattr(certificates, "_RENEWED", timedelta(days=366))
    after = issue(tmp_path)
    assert not set(before) & set(after)
    assert is_pair(tmp_path)


def swap_key(folder: Path) -> None:
    """As a renewal leaves it that ended between its two files."""
    Authority(folder).issue("other")
    (folder / "other-key.pem").replace(folder / "server-key.pem")


def swap_certificate(folder: Path) -> None:
    Authority(folder).issue("other")
    (folder / "other.pem").replace(folder / "server.pem")


@pytest.mark.parametrize(
    "broken",
    [
        swap_key,
        swap_certificate,
        lambda folder: (folder / "server.pem").unlink(),
        lambda folder: (folder / "server-key.pem").unlink(),
    ],
)
def test_what_is_no_pair_is_made_anew(tmp_path: Path, broken: Callable[[Path], object]) -> None:
    before = issue(tmp_path)
    broken(tmp_path)
    assert not set(before) & set(issue(tmp_path))
    assert is_pair(tmp_path)


@pytest.mark.parametrize("name", ["server.pem", "server-key.pem", "ca.pem", "ca-key.pem"])
def test_a_file_is_replaced_and_never_written_to(tmp_path: Path, name: str) -> None:
    """Whoever has the old one open, or mounted, has all of it."""
    issue(tmp_path)
    with (tmp_path / name).open("rb") as old:
        before = old.read()
        (tmp_path / "server.pem").unlink() if name != "server.pem" else (tmp_path / "server-key.pem").unlink()
        if name.startswith("ca"):
            other = "ca.pem" if name == "ca-key.pem" else "ca-key.pem"
            (tmp_path / other).unlink()
        issue(tmp_path)
        old.seek(0)
        assert before == old.read()
        assert before != (tmp_path / name).read_bytes()


def test_a_pair_may_have_a_folder_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "nats").mkdir()
    Authority(tmp_path).issue("server", ["nats"], tmp_path / "nats")
    assert {"ca.pem", "ca-key.pem", "nats"} == {path.name for path in tmp_path.iterdir()}
    assert is_pair(tmp_path / "nats")
