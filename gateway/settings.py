"""What the gateway is told by its environment; docs/reference/limits.md tells what a caller sees of each limit."""

from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_settings import NoDecode

from gateway.middleware.client_address import Network, networks_in
from gateway.middleware.origins import origins_in
from mesh.core.settings import DAY, Settings
from mesh.nats.settings import NatsSettings
from mesh.security.settings import TokenSettings

Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(networks_in)]
"""From text with commas, where pydantic-settings would want JSON."""
Origins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(origins_in)]
"""The same."""


_MIB = 1024 * 1024


class HttpLimits(Settings):
    """How much of a client the gateway takes; sizes in bytes, times in seconds."""

    gateway_timeout: float = Field(10.0, gt=0, le=DAY)
    """For a whole request; an endpoint's own timeout may be shorter."""
    gateway_max_body: int = Field(32 * 1024, ge=0, le=64 * _MIB)
    """Four times what any route can use: to find out that a body does not fit takes a millisecond for each 6 KiB.

    With its headers a body must stay below NATS's max_payload.
    """
    gateway_max_url: int = Field(8 * 1024, gt=0, le=_MIB)
    gateway_max_headers: int = Field(100, gt=0, le=10_000)
    gateway_max_head: int = Field(32 * 1024, gt=0, le=_MIB)
    """Request line and headers together."""
    gateway_head_timeout: float = Field(10.0, gt=0, le=DAY)
    gateway_write_timeout: float = Field(30.0, gt=0, le=DAY)
    """For a client to read an answer that is more than the kernel buffers."""
    gateway_keep_alive: float = Field(15.0, gt=0, le=DAY)
    """For the next request to begin."""
    gateway_max_connections: int = Field(1000, gt=0, le=1_000_000)
    """Each is an open file: `ulimit -n` must allow for them."""


class ServiceLimits(Settings):
    """How much the gateway asks of one service."""

    gateway_limit_initial: int = Field(256, ge=1, le=1_000_000)
    gateway_limit_min: int = Field(8, ge=1, le=1_000_000)
    gateway_limit_max: int = Field(500, ge=1, le=1_000_000)
    """Requests in flight. Half of GATEWAY_MAX_CONNECTIONS at most: one service must not have all of the gateway."""
    gateway_logins_at_once: int = Field(16, ge=1, le=1_000_000)
    """Requests in flight that have a password hashed: more than auth's workers have threads for it, not many more."""
    gateway_logins_waiting: int = Field(128, ge=0, le=1_000_000)
    gateway_breaker_timeouts: int = Field(5, ge=1, le=1_000_000)
    """In a row, until the service is asked no more."""
    gateway_breaker_rest: float = Field(1.0, gt=0, le=DAY)
    """Seconds until a single request may try whether it answers again."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.gateway_limit_min <= self.gateway_limit_initial <= self.gateway_limit_max:
            raise ValueError("GATEWAY_LIMIT_MIN, _INITIAL and _MAX must not descend")
        return self


class GatewaySettings(NatsSettings, TokenSettings, HttpLimits, ServiceLimits):
    """Where it listens, how it ends, and its limits."""

    gateway_host: str = "127.0.0.1"
    gateway_port: int = Field(8080, ge=0, le=65535)
    """0 takes a free one; the log says which."""
    gateway_reuse_port: bool = False
    """Whether other gateways may listen on the port too; `listener` says what that costs."""
    gateway_stop_delay: float = Field(0.0, ge=0, le=DAY)
    """Seconds between "not ready" and the end of accepting, for a load balancer to notice."""
    auth_login_attempts: int = Field(5, ge=1, le=10)
    """What auth is told by the same variable: the gateway only tells of it, in RateLimit-Policy."""
    gateway_trusted_proxies: Networks = Field((), validate_default=False)
    """Addresses and networks, with commas, whose X-Forwarded-For is believed; nobody's where none is named."""
    gateway_cors_origins: Origins = Field((), validate_default=False)
    """Origins, with commas, whose pages may ask from a browser; none where none is named."""
