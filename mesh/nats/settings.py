"""Where NATS is, and which user this process is."""

import ssl
from typing import Self
from urllib.parse import urlsplit

import nkeys
from pydantic import Field, SecretStr, field_validator, model_validator

from mesh.core.settings import DAY, ExistingFile, Settings


class NatsSettings(Settings):
    """Where NATS is, and which user this process is."""

    nats_url: str = "nats://127.0.0.1:4222"
    """One URL, or several separated by commas: nats:// or, for encrypted connections only, tls://."""
    nats_nkey_seed: SecretStr | None = None
    """The seed, `SU…`, of a user whose public key is in nats.conf."""
    nats_nkey_seed_file: ExistingFile | None = None
    """A file that contains only the seed."""
    nats_user: str | None = None
    """User name, with NATS_PASSWORD, for a NATS server without nkeys."""
    nats_password: SecretStr | None = None
    """Password of NATS_USER."""
    nats_tls_ca: ExistingFile | None = None
    """The CA that signed the server's certificate. Default: the CAs of this machine."""
    nats_tls_cert: ExistingFile | None = None
    """Our own certificate, where NATS requires one (mutual TLS)."""
    nats_tls_key: ExistingFile | None = None
    """The private key of NATS_TLS_CERT."""
    nats_connect_timeout: float = Field(10.0, gt=0, le=DAY)
    """Seconds to wait for NATS at the start before the process ends."""

    @field_validator("nats_url")
    @classmethod
    def _names_servers(cls, urls: str) -> str:
        if not all(_names_server(url.strip()) for url in urls.split(",")):
            raise ValueError("must be one URL or several separated by commas, such as nats://127.0.0.1:4222")
        return urls

    @model_validator(mode="after")
    def _can_connect(self) -> Self:
        if self.nats_nkey_seed and self.nats_nkey_seed_file:
            raise ValueError("NATS_NKEY_SEED and NATS_NKEY_SEED_FILE: set one of them, not both")
        if (self.nats_tls_cert is None) != (self.nats_tls_key is None):
            raise ValueError("NATS_TLS_CERT and NATS_TLS_KEY: set both or neither")
        if (self.nats_tls_ca or self.nats_tls_cert) and not self._encrypted():
            raise ValueError("NATS_TLS_CA and NATS_TLS_CERT need tls:// in NATS_URL: nothing is encrypted otherwise")
        try:
            self.tls()
        except OSError as error:  # includes ssl.SSLError
            raise ValueError(
                f"NATS_TLS_CA, NATS_TLS_CERT, NATS_TLS_KEY: not a certificate, or not its key ({error})"
            ) from None
        try:
            self.identity()
        except (nkeys.NkeysError, ValueError, OSError):
            raise ValueError("NATS_NKEY_SEED, NATS_NKEY_SEED_FILE: not the seed of an nkey, SU…") from None
        return self

    def _encrypted(self) -> bool:
        return all(url.startswith("tls://") for url in self.servers())

    def seed(self) -> str | None:
        """The nkey's seed, from either variable."""
        if self.nats_nkey_seed_file:
            return self.nats_nkey_seed_file.read_text().strip()
        return self.nats_nkey_seed.get_secret_value() if self.nats_nkey_seed else None

    def identity(self) -> str:
        """The user of this process, for messages."""
        if seed := self.seed():
            public: bytes = nkeys.from_seed(bytearray(seed.encode())).public_key
            return f"nkey {public.decode()}"
        return self.nats_user or "no user"

    def tls(self) -> ssl.SSLContext | None:
        """The TLS context if the URL says `tls://`. The server's name is checked. Raises OSError."""
        if not self._encrypted():
            return None
        context = ssl.create_default_context(cafile=self.nats_tls_ca)
        if self.nats_tls_cert and self.nats_tls_key:
            context.load_cert_chain(self.nats_tls_cert, self.nats_tls_key)
        return context

    def servers(self) -> list[str]:
        """The URLs as a list."""
        return [url.strip() for url in self.nats_url.split(",") if url.strip()]

    def server_names(self) -> list[str]:
        """The servers for messages: without user and password."""
        return [f"{parts.scheme}://{parts.hostname}:{parts.port or 4222}" for parts in map(urlsplit, self.servers())]


def _names_server(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("nats", "tls") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets without an IPv6 address, or a port beyond 65535
        return False
