"""Which access tokens a process accepts."""

from pydantic import Field

from mesh.core.settings import DAY, Settings


class TokenSettings(Settings):
    """Which access tokens are accepted (RFC 7519: iss and aud)."""

    token_issuer: str = "northwind-mesh"  # noqa: S105  # a name, not a secret
    """The `iss` claim of access tokens."""
    token_audience: str = "northwind-mesh"  # noqa: S105  # a name, not a secret
    """The `aud` claim of access tokens."""
    token_keys_refetch_after: float = Field(60.0, ge=0, le=DAY)
    """Seconds between two fetches of keys for unknown key ids, however many tokens are forged."""
