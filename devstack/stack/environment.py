"""The environment of each service: its own secrets and addresses, and none of another service.

A service inherits only those of the terminal's variables that it has a setting for. Libraries read many others
(`PGSSLMODE`, `WEB_CONCURRENCY`, `http_proxy`) that were meant for other programs.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from devstack.stack.addresses import http_url
from mesh.core.settings import not_blank
from mesh.nats.settings import NatsSettings
from mesh.process.settings import WorkerSettings
from mesh.security.settings import TokenSettings
from mesh.telemetry.settings import LogSettings, TraceSettings
from ops.nkeys import CONSOLE
from services import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic.fields import FieldInfo

    from devstack.stack.console import ConsoleAddress
    from devstack.stack.settings import ServiceName

_SHARED = {**LogSettings.model_fields, **TraceSettings.model_fields, **TokenSettings.model_fields}
_OF_WORKERS = WorkerSettings.model_fields.keys() - NatsSettings.model_fields.keys()
_PREFIXES = (
    "OTEL_EXPORTER_OTLP_",
    "OTEL_BSP_",
    "OTEL_BLRP_",
    "OTEL_RESOURCE_ATTRIBUTES",
)  # see docs/explanation/tracing.md
_MAIL_FROM = "shop@northwind.example"
_CERTIFICATES = {"SSL_CERT_FILE", "SSL_CERT_DIR"}  # the machine's CAs, for external servers


def _is_path(field: FieldInfo) -> bool:
    return any(getattr(kind, "__origin__", kind) is Path for kind in get_args(field.annotation))


_PATHS = {name.upper() for name, field in WorkerSettings.model_fields.items() if _is_path(field)} | _CERTIFICATES
_PATHS |= {f"{row.prefix}_SMTP_CA" for row in BY_NAME.values() if row.mails}
_PATHS |= {f"OTEL_EXPORTER_OTLP_{of}CERTIFICATE" for of in ("", "TRACES_", "LOGS_")}


def inherited(service: ServiceName, terminal: Mapping[str, str], *, nats: bool) -> dict[str, str]:
    """The terminal's variables that this service has a setting for. NATS's are included only if `nats`.

    Paths are made absolute, since a service runs in another folder. Misspelt names pass, so that the service can warn
    of them.
    """
    names = _SHARED.keys() | (set() if service == "gateway" else _OF_WORKERS)
    names |= NatsSettings.model_fields.keys() if nats else set()
    known = {name.upper() for name in names} | _CERTIFICATES

    def is_for_it(name: str) -> bool:
        return (
            name in known
            or name.startswith((f"{service.upper()}_", *_PREFIXES))
            or bool(get_close_matches(name, [one for one in known if one[:4] == name[:4]], n=1, cutoff=0.85))
        )

    environment = {name: value for name, value in not_blank(terminal).items() if is_for_it(name.upper())}
    return {name: _absolute(value) if name.upper() in _PATHS else value for name, value in environment.items()}


def _absolute(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111  # Path's own raises without a home


@dataclass(frozen=True)
class Surroundings:
    """Where everything is, with the secrets."""

    gateway_host: str
    gateway_ports: Sequence[int]  # one for each gateway
    nats_url: str
    # None for an external NATS, whose user the terminal's variables name (NATS_NKEY_SEED and others).
    nats_seeds: Mapping[str, str] | None = field(repr=False)
    nats_ca: Path | None  # the CA of NATS if it uses TLS
    databases: Mapping[str, str] = field(repr=False)  # the URL of each service's database, by service
    admin_email: str
    admin_password: str = field(repr=False)
    keys: Mapping[str, str] = field(repr=False)  # by variable
    metrics_ports: Mapping[str, int] = field(default_factory=dict)  # by the process's name in stack.json
    mail_url: str | None = None  # the sink that keeps all mail; None if it does not run
    console: ConsoleAddress | None = None  # None if it does not run

    def environment(
        self, service: ServiceName, terminal: Mapping[str, str], replica: int = 0, process: str = ""
    ) -> dict[str, str]:
        """The environment of one process: inherited variables and its own. `process` is its name in stack.json."""
        return {
            **(self.console.telemetry(terminal) if self.console else {}),
            **self._defaults(service),
            **inherited(service, terminal, nats=self.nats_seeds is None),
            **self._nats(service),
            **self._own(service, replica),
            **self._metrics(process),
        }

    def of_console(self, home: Path) -> dict[str, str]:
        """The environment of the console; empty if it does not run."""
        gateway = http_url(self.gateway_host, self.gateway_ports[0])
        return self.console.environment(home, gateway, self._nats(CONSOLE)) if self.console else {}

    def _metrics(self, process: str) -> dict[str, str]:
        """A port of its own, which a new process may share with the one that it replaces."""
        port = self.metrics_ports.get(process)
        return {"METRICS_PORT": str(port), "METRICS_REUSE_PORT": "true"} if port else {}

    def _nats(self, user: str) -> dict[str, str]:
        if self.nats_seeds is None:
            return {"NATS_URL": self.nats_url}
        tls = {"NATS_TLS_CA": str(self.nats_ca)} if self.nats_ca else {}
        return {"NATS_URL": self.nats_url, "NATS_NKEY_SEED": self.nats_seeds[user], **tls}

    def _own(self, service: ServiceName, replica: int) -> dict[str, str]:
        if service == "gateway":
            port = self.gateway_ports[replica]
            shared = {"GATEWAY_REUSE_PORT": "true"} if self.gateway_ports.count(port) > 1 else {}
            return {"GATEWAY_HOST": self.gateway_host, "GATEWAY_PORT": str(port), **shared}
        row = BY_NAME[service]
        own = {row.url_variable: self.databases[service]} if row.url_variable else {}
        if row.admin:
            own |= {f"{row.prefix}_ADMIN_EMAIL": self.admin_email, f"{row.prefix}_ADMIN_PASSWORD": self.admin_password}
        return own | {variable: self.keys[variable] for variable in row.keys}

    def _defaults(self, service: ServiceName) -> dict[str, str]:
        """Seed a new database with Northwind and send mail to the sink, unless the terminal says otherwise."""
        row = BY_NAME[service]
        seed = {f"{row.prefix}_SEED": "true"} if row.seeded else {}
        return seed | dict(zip(row.mail_variables, (self.mail_url or "", _MAIL_FROM), strict=False))
