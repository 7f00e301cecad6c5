"""What the gateway is told by its environment."""

from pydantic import Field

from mesh.settings import NatsSettings, TokenSettings


class GatewaySettings(NatsSettings, TokenSettings):
    """Where it listens, and how much of a request it takes."""

    gateway_host: str = "127.0.0.1"
    gateway_port: int = Field(8080, ge=0, le=65535)
    """0 takes a free one; the log says which."""
    gateway_max_body: int = Field(512 * 1024, ge=0)
    """Bytes of a request's body. With its headers it must stay below NATS's max_payload."""
    gateway_timeout: float = Field(10.0, gt=0)
    """Seconds that a request may take; an endpoint's own timeout may be shorter."""
    gateway_stop_delay: float = Field(0.0, ge=0)
    """Seconds between "not ready" and the end of accepting, for a load balancer to notice."""
