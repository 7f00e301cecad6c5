"""The gateway's settings. docs/reference/limits.md describes what a caller sees of each limit."""

from typing import Annotated, Final, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_settings import NoDecode

from gateway.networks import Network, networks_in
from gateway.origins import origins_in
from mesh.core.settings import DAY, Settings
from mesh.nats.settings import NatsSettings
from mesh.security.settings import TokenSettings

Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(networks_in)]
"""Comma-separated text; pydantic-settings would expect JSON."""
Origins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(origins_in)]
"""Comma-separated text."""


MIB: Final = 1024 * 1024
IMPORTS: Final = frozenset({"/v1/customers/import"})
"""The paths that take a file of any length, row by row."""


class HttpLimits(Settings):
    """Limits on clients."""

    gateway_timeout: float = Field(10.0, gt=0, le=DAY)
    """Seconds for a whole request. An endpoint's own timeout may be shorter."""
    gateway_max_body: int = Field(32 * 1024, ge=0, le=64 * MIB)
    """Bytes of a request's body: four times what any route can use.

    Validating a body that does not fit takes 1 ms for each 6 KiB. Body and headers must stay below NATS's max_payload.
    """
    gateway_max_import: int = Field(16 * MIB, ge=0, le=1024 * MIB)
    """Bytes of the body of an import."""
    gateway_import_timeout: float = Field(600.0, gt=0, le=DAY)
    """Seconds for a whole import. Each part of its body, and each message to a service, has GATEWAY_TIMEOUT."""
    gateway_max_url: int = Field(8 * 1024, gt=0, le=MIB)
    """Bytes of a URL."""
    gateway_max_headers: int = Field(100, gt=0, le=10_000)
    """Headers of a request."""
    gateway_max_head: int = Field(32 * 1024, gt=0, le=MIB)
    """Bytes of request line and headers together."""
    gateway_head_timeout: float = Field(10.0, gt=0, le=DAY)
    """Seconds for the request line and headers to arrive."""
    gateway_write_timeout: float = Field(30.0, gt=0, le=DAY)
    """Seconds for a client to read an answer that exceeds the kernel's buffer."""
    gateway_keep_alive: float = Field(15.0, gt=0, le=DAY)
    """Seconds until the next request on a connection begins."""
    gateway_max_connections: int = Field(1000, gt=0, le=1_000_000)
    """Connections at once. Each is an open file: `ulimit -n` must allow for them."""

    def max_body(self, path: str) -> int:
        """Bytes of the body of a request to this path."""
        return self.gateway_max_import if path in IMPORTS else self.gateway_max_body


class ServiceLimits(Settings):
    """Limits on calls to one service."""

    gateway_limit_initial: int = Field(256, ge=1, le=1_000_000)
    """Requests in flight to one service, at the start."""
    gateway_limit_min: int = Field(8, ge=1, le=1_000_000)
    """The lowest value of the adaptive limit, under congestion."""
    gateway_limit_max: int = Field(500, ge=1, le=1_000_000)
    """The highest value of the adaptive limit.

    At most half of GATEWAY_MAX_CONNECTIONS, so that one service cannot occupy the whole gateway.
    """
    gateway_logins_at_once: int = Field(16, ge=1, le=1_000_000)
    """Requests in flight that hash a password. A little more than auth's workers have hashing threads."""
    gateway_logins_waiting: int = Field(128, ge=0, le=1_000_000)
    """Requests that wait to have a password hashed."""
    gateway_breaker_timeouts: int = Field(5, ge=1, le=1_000_000)
    """Timeouts in a row that open the circuit breaker of a service."""
    gateway_breaker_rest: float = Field(1.0, gt=0, le=DAY)
    """Seconds until an open circuit breaker lets one request through as a probe."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.gateway_limit_min <= self.gateway_limit_initial <= self.gateway_limit_max:
            raise ValueError("GATEWAY_LIMIT_MIN <= GATEWAY_LIMIT_INITIAL <= GATEWAY_LIMIT_MAX is required")
        return self


class EventLimits(Settings):
    """Limits on requests that stay open for events. Each holds one of GATEWAY_MAX_CONNECTIONS."""

    gateway_streams: int = Field(300, ge=0, le=1_000_000)
    """Event streams at once."""
    gateway_streams_per_user: int = Field(6, ge=0, le=1_000_000)
    """Event streams of one user at once."""
    gateway_waits: int = Field(200, ge=0, le=1_000_000)
    """Requests with `wait` at once."""
    gateway_waits_per_user: int = Field(10, ge=0, le=1_000_000)
    """Requests with `wait` of one user at once."""


class CacheLimits(Settings):
    """Limits on what the gateway keeps in memory."""

    gateway_cache: int = Field(32, ge=0, le=64 * 1024)
    """MiB of responses to public reads that are kept for up to 10 s. 0 turns the cache off."""


class GatewaySettings(NatsSettings, TokenSettings, HttpLimits, ServiceLimits, EventLimits, CacheLimits):
    """Where the gateway listens, how it stops, and its limits."""

    gateway_host: str = "127.0.0.1"
    """The address to listen on."""
    gateway_port: int = Field(8080, ge=0, le=65535)
    """The port to listen on. 0 takes a free port and logs it."""
    gateway_reuse_port: bool = False
    """Whether several gateways may listen on one port. `listener` in gateway/server.py gives the cost."""
    gateway_stop_delay: float = Field(0.0, ge=0, le=DAY)
    """Seconds between "not ready" and the end of accepting, so that a load balancer can notice."""
    gateway_trusted_proxies: Networks = Field((), validate_default=False)
    """Addresses and networks, separated by commas, whose X-Forwarded-For is trusted."""
    gateway_cors_origins: Origins = Field((), validate_default=False)
    """Origins whose pages may call the API from a browser, such as `https://app.example,https://admin.example`."""
