"""What every process of the mesh is told by its environment."""

import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import nkeys
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

DAY = 86_400.0
"""Seconds. No timeout is longer: a timer does not take every number."""


def not_blank(told: Mapping[str, Any]) -> dict[str, Any]:
    """What is told, without texts that are empty or nothing but white space: those are as not set."""
    return {name: value for name, value in told.items() if not isinstance(value, str) or value.strip()}


def word(text: object) -> object:
    """A word in small letters, however it is spelt."""
    return text.strip().lower() if isinstance(text, str) else text


def _expanded(path: object) -> object:
    """A path whose `~` is the home directory; as it stands where nobody knows that."""
    return os.path.expanduser(path) if isinstance(path, str | Path) else path  # noqa: PTH111  # Path's own raises then


def _is_file(path: Path) -> Path:
    if not os.path.isfile(path):  # noqa: PTH113  # Path's own raises where a folder may not be looked into
        raise ValueError("does not point to a file")
    return path


AnyPath = Annotated[Path, BeforeValidator(_expanded)]
ExistingFile = Annotated[AnyPath, AfterValidator(_is_file)]


class Settings(BaseSettings):
    """Settings of a process, each from the environment variable of its name; one that is blank is as not set."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _blank_is_unset(cls, told: dict[str, Any]) -> dict[str, Any]:
        return not_blank(told)


class NatsSettings(Settings):
    """Where NATS is, and who we are there."""

    nats_url: str = "nats://127.0.0.1:4222"
    """One URL or several, separated by commas: nats:// or, for encrypted connections alone, tls://."""
    nats_nkey_seed: SecretStr | None = None
    """Who we are: the seed, `SU…`, of a user whose public key stands in nats.conf."""
    nats_nkey_seed_file: ExistingFile | None = None
    """A file with nothing but the seed in it."""
    nats_user: str | None = None
    """With a password, who we are where there are no nkeys: at a NATS of somebody else's."""
    nats_password: SecretStr | None = None
    nats_tls_ca: ExistingFile | None = None
    """Who vouches for NATS; without it, whoever this machine trusts."""
    nats_tls_cert: ExistingFile | None = None
    """With its key, our own certificate, where NATS wants one (mutual TLS)."""
    nats_tls_key: ExistingFile | None = None
    nats_connect_timeout: float = Field(10.0, gt=0, le=DAY)
    """Seconds until a start without NATS fails."""

    @field_validator("nats_url")
    @classmethod
    def _names_servers(cls, urls: str) -> str:
        if not all(_names_server(url.strip()) for url in urls.split(",")):
            raise ValueError("is one URL or several with commas, such as nats://127.0.0.1:4222")
        return urls

    @model_validator(mode="after")
    def _can_connect(self) -> Self:
        if self.nats_nkey_seed and self.nats_nkey_seed_file:
            raise ValueError("NATS_NKEY_SEED and NATS_NKEY_SEED_FILE: one of them, not both")
        if (self.nats_tls_cert is None) != (self.nats_tls_key is None):
            raise ValueError("NATS_TLS_CERT and NATS_TLS_KEY: both or neither")
        if (self.nats_tls_ca or self.nats_tls_cert) and not self._encrypted():
            raise ValueError("NATS_TLS_CA and NATS_TLS_CERT: only with tls:// in NATS_URL is anything encrypted")
        try:
            self.tls()
        except OSError as error:  # ssl.SSLError is one
            raise ValueError(
                f"NATS_TLS_CA, NATS_TLS_CERT, NATS_TLS_KEY: no certificate, or no key to it ({error})"
            ) from None
        try:
            self.identity()
        except (nkeys.NkeysError, ValueError, OSError):
            raise ValueError("NATS_NKEY_SEED, NATS_NKEY_SEED_FILE: not the seed of an nkey, SU…") from None
        return self

    def _encrypted(self) -> bool:
        return all(url.startswith("tls://") for url in self.servers())

    def seed(self) -> str | None:
        """The nkey's seed, wherever it was told."""
        if self.nats_nkey_seed_file:
            return self.nats_nkey_seed_file.read_text().strip()
        return self.nats_nkey_seed.get_secret_value() if self.nats_nkey_seed else None

    def identity(self) -> str:
        """Who we are, as a message may say it."""
        if seed := self.seed():
            public: bytes = nkeys.from_seed(bytearray(seed.encode())).public_key
            return f"nkey {public.decode()}"
        return self.nats_user or "no user"

    def tls(self) -> ssl.SSLContext | None:
        """How to encrypt, where `tls://` is asked for; the server's name is checked. Raises OSError."""
        if not self._encrypted():
            return None
        context = ssl.create_default_context(cafile=self.nats_tls_ca)
        if self.nats_tls_cert and self.nats_tls_key:
            context.load_cert_chain(self.nats_tls_cert, self.nats_tls_key)
        return context

    def servers(self) -> list[str]:
        """The URLs, one by one."""
        return [url.strip() for url in self.nats_url.split(",") if url.strip()]

    def server_names(self) -> list[str]:
        """The servers as a message may show them: without user and password."""
        return [f"{parts.scheme}://{parts.hostname}:{parts.port or 4222}" for parts in map(urlsplit, self.servers())]


def _names_server(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("nats", "tls") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets without an IPv6 address, or a port beyond 65535
        return False


class TokenSettings(Settings):
    """Which access tokens are ours (RFC 7519: iss and aud)."""

    token_issuer: str = "northwind-mesh"  # noqa: S105  # a name, no secret
    token_audience: str = "northwind-mesh"  # noqa: S105  # a name, no secret
    token_keys_refetch_after: float = Field(60.0, ge=0, le=DAY)
    """Seconds: for unknown keys the auth service is asked no more often, however many are forged."""


class TraceSettings(Settings):
    """How many requests are traced; where their spans go, OpenTelemetry's own variables say (docs/tracing.md)."""

    trace_ratio: float = Field(0.0, ge=0, le=1)
    """Of the requests that come by HTTP; 0 traces none, and a worker joins no trace either."""


class LogSettings(Settings):
    """How much is logged, and for whom."""

    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(word)] = "info"
    log_format: Annotated[Literal["auto", "json", "pretty"], BeforeValidator(word)] = "auto"
    """auto: pretty on a terminal, JSON lines elsewhere."""


class WorkerSettings(NatsSettings, TokenSettings):
    """What every worker is told; a service adds what it owns."""

    mesh_concurrency: int = Field(64, ge=1, le=100_000)
    """Handlers at once."""
    mesh_queue_size: int = Field(256, ge=0, le=1_000_000)
    """Requests that wait for a free handler; beyond it callers hear `overloaded` at once."""
    mesh_heartbeat_file: AnyPath | None = None
    """Touched each second while the process works and NATS is connected: `python -m mesh.heartbeat` looks at it."""

    @field_validator("mesh_heartbeat_file")
    @classmethod
    def _can_be_written(cls, file: Path | None) -> Path | None:
        if file is not None and not os.access(file.parent, os.W_OK):
            raise ValueError(f"{file.parent} is no folder that this process may write to")
        return file
