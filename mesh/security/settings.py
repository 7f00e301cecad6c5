"""Which access tokens a process takes."""

from pydantic import Field

from mesh.core.settings import DAY, Settings


class TokenSettings(Settings):
    """Which access tokens are ours (RFC 7519: iss and aud)."""

    token_issuer: str = "northwind-mesh"  # noqa: S105  # a name, no secret
    token_audience: str = "northwind-mesh"  # noqa: S105  # a name, no secret
    token_keys_refetch_after: float = Field(60.0, ge=0, le=DAY)
    """Seconds: for unknown keys the auth service is asked no more often, however many are forged."""
