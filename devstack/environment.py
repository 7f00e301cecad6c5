"""The environment of each service: its own secrets and addresses, and nothing of another's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from devstack.nkeys import USERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from devstack.settings import ServiceName


@dataclass(frozen=True)
class Surroundings:
    """Where everything is, and with which secrets."""

    gateway_host: str
    gateway_ports: Sequence[int]  # of each gateway
    nats_url: str
    # None where NATS is somebody else's: as whom to connect, the terminal tells (NATS_NKEY_SEED and its like).
    nats_seeds: Mapping[str, str] | None = field(repr=False)
    nats_ca: Path | None  # who vouches for NATS where it speaks TLS
    customers_url: str = field(repr=False)
    products_url: str = field(repr=False)
    mongo_url: str = field(repr=False)
    admin_email: str
    admin_password: str = field(repr=False)
    key_encryption_key: str = field(repr=False)

    def environment(self, service: ServiceName, terminal: Mapping[str, str], replica: int = 0) -> dict[str, str]:
        """Put together what one process sees: the terminal's variables, without other services', and its own."""
        inherited = {**_defaults(service), **self._inherited(service, terminal)}
        return {**inherited, **self._nats(service), **self._own(service, replica)}

    def _inherited(self, service: ServiceName, terminal: Mapping[str, str]) -> dict[str, str]:
        foreign = [f"{user.upper()}_" for user in USERS if user != service]
        foreign += [f"NATS_{user.upper()}_" for user in USERS]
        if self.nats_seeds is not None:
            foreign.append("NATS_")
        return {name: value for name, value in terminal.items() if not name.startswith(tuple(foreign))}

    def _nats(self, service: ServiceName) -> dict[str, str]:
        if self.nats_seeds is None:
            return {"NATS_URL": self.nats_url}
        tls = {"NATS_TLS_CA": str(self.nats_ca)} if self.nats_ca else {}
        return {"NATS_URL": self.nats_url, "NATS_NKEY_SEED": self.nats_seeds[service], **tls}

    def _own(self, service: ServiceName, replica: int) -> dict[str, str]:
        match service:
            case "gateway":
                port = self.gateway_ports[replica]
                shared = {"GATEWAY_REUSE_PORT": "true"} if self.gateway_ports.count(port) > 1 else {}
                return {"GATEWAY_HOST": self.gateway_host, "GATEWAY_PORT": str(port), **shared}
            case "customers":
                return {"CUSTOMERS_DATABASE_URL": self.customers_url}
            case "products":
                return {"PRODUCTS_DATABASE_URL": self.products_url}
            case "auth":
                return {
                    "AUTH_MONGODB_URL": self.mongo_url,
                    "AUTH_ADMIN_EMAIL": self.admin_email,
                    "AUTH_ADMIN_PASSWORD": self.admin_password,
                    "AUTH_KEY_ENCRYPTION_KEY": self.key_encryption_key,
                }


def _defaults(service: ServiceName) -> dict[str, str]:
    """Fill a new database with Northwind, unless the terminal says otherwise."""
    return {f"{service.upper()}_SEED": "true"} if service in {"customers", "products"} else {}
