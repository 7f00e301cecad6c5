"""A certificate authority in a folder, and certificates that it signs, for nats-tls.conf."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ops.private_files import write_atomically, write_private

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_CA_DAYS = 3650
_DAYS = 365
_RENEWED = timedelta(days=30)
_USAGES = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
_CA_USAGES = ("key_cert_sign", "crl_sign")


class Authority:
    """A CA (RFC 5280) with P-256 keys, in `ca.pem` and `ca-key.pem`. Keys are readable by their owner only."""

    def __init__(self, folder: Path) -> None:
        """Read the CA, or create it if there is none."""
        self._folder = folder
        certificate, key = folder / "ca.pem", folder / "ca-key.pem"
        if not (certificate.exists() and key.exists()):
            made = ec.generate_private_key(ec.SECP256R1())
            unsigned = _unsigned("Northwind mesh CA", made.public_key(), _CA_DAYS, ca=True)
            issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Northwind mesh CA")])
            _write(certificate, key, unsigned.issuer_name(issuer).sign(made, hashes.SHA256()), made)
        self._certificate = x509.load_pem_x509_certificate(certificate.read_bytes())
        self._key = load_pem_private_key(key.read_bytes(), None)

    def issue(self, name: str, hosts: Sequence[str] = (), folder: Path | None = None) -> None:
        """Create `<name>.pem` and `<name>-key.pem`: for a server at these hosts, or for a client if there are none.

        They go to the CA's folder unless `folder` is given. An existing pair is kept until a month before it expires.
        """
        folder = folder or self._folder
        certificate, key = folder / f"{name}.pem", folder / f"{name}-key.pem"
        if certificate.exists() and key.exists() and _is_pair(certificate, key) and not _ends_soon(certificate):
            return
        made = ec.generate_private_key(ec.SECP256R1())
        purposes = [ExtendedKeyUsageOID.CLIENT_AUTH]  # cluster nodes are clients of each other too
        unsigned = _unsigned(name, made.public_key(), _DAYS, ca=False).issuer_name(self._certificate.subject)
        if hosts:
            purposes.append(ExtendedKeyUsageOID.SERVER_AUTH)
            unsigned = unsigned.add_extension(x509.SubjectAlternativeName(list(map(_name, hosts))), critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._certificate.public_key())  # type: ignore[arg-type]
        unsigned = unsigned.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        signed = unsigned.add_extension(issuer, critical=False).sign(self._key, hashes.SHA256())  # type: ignore[arg-type]
        _write(certificate, key, signed, made)


def _unsigned(name: str, key: ec.EllipticCurvePublicKey, days: int, *, ca: bool) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    usages = _CA_USAGES if ca else _USAGES[:1]
    every = (*_USAGES, *_CA_USAGES, "encipher_only", "decipher_only")
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))  # clocks may differ
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=0 if ca else None), critical=True)
        .add_extension(x509.KeyUsage(**{usage: usage in usages for usage in every}), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _ends_soon(certificate: Path) -> bool:
    return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc < datetime.now(UTC) + _RENEWED


def _is_pair(certificate: Path, key: Path) -> bool:
    """Whether key and certificate match: an interrupted renewal leaves a new key beside an old certificate."""
    public = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    return public == load_pem_private_key(key.read_bytes(), None).public_key()


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _write(certificate: Path, key: Path, signed: x509.Certificate, made: ec.EllipticCurvePrivateKey) -> None:
    pem = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_private(key, pem.decode())
    # The certificate is not secret, and processes in containers read it.
    write_atomically(certificate, signed.public_bytes(Encoding.PEM).decode(), 0o644)
