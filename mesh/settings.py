"""What every process of the mesh is told by its environment."""

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class NatsSettings(BaseSettings):
    """Where NATS is, and who we are there."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    nats_url: str = "nats://127.0.0.1:4222"
    """One URL or several, separated by commas: nats:// or, for encrypted connections alone, tls://."""
    nats_user: str | None = None
    nats_password: SecretStr | None = None
    nats_connect_timeout: float = Field(10.0, gt=0)
    """Seconds until a start without NATS fails."""

    @field_validator("nats_url")
    @classmethod
    def _names_servers(cls, urls: str) -> str:
        for url in urls.split(","):
            parts = urlsplit(url.strip())
            if parts.scheme not in ("nats", "tls") or not parts.hostname:
                raise ValueError("is one URL or several with commas, such as nats://127.0.0.1:4222")
        return urls

    def servers(self) -> list[str]:
        """The URLs, one by one."""
        return [url.strip() for url in self.nats_url.split(",") if url.strip()]

    def server_names(self) -> list[str]:
        """The servers as a message may show them: without user and password."""
        return [f"{parts.scheme}://{parts.hostname}:{parts.port or 4222}" for parts in map(urlsplit, self.servers())]


class TokenSettings(BaseSettings):
    """Which access tokens are ours (RFC 7519: iss and aud)."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    token_issuer: str = "northwind-mesh"  # noqa: S105  # a name, no secret
    token_audience: str = "northwind-mesh"  # noqa: S105  # a name, no secret
    token_keys_refetch_after: float = Field(60.0, ge=0)
    """Seconds: for unknown keys the auth service is asked no more often, however many are forged."""


class LogSettings(BaseSettings):
    """How much is logged, and for whom."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "json", "pretty"] = "auto"
    """auto: pretty on a terminal, JSON lines elsewhere."""


class WorkerSettings(NatsSettings, TokenSettings):
    """What every worker is told; a service adds what it owns."""

    mesh_concurrency: int = Field(64, ge=1)
    """Handlers at once."""
    mesh_queue_size: int = Field(256, ge=0)
    """Requests that wait for a free handler; beyond it callers hear `overloaded` at once."""
