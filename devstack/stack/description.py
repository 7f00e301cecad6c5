"""Describes a stack: to its services in their environment, to other programs in stack.json."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from devstack.home.admin import first_admin
from devstack.home.state import Admin, Operator, StackState
from devstack.stack.addresses import http_url
from devstack.stack.environment import Surroundings, inherited
from ops.nkeys import DEPLOYER
from ops.private_files import write_private
from services import PROCESSES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from devstack.servers.all import Servers
    from devstack.stack.addresses import Ports
    from devstack.stack.settings import StackSettings
    from ops.process import ServerName


def embedded(settings: StackSettings) -> list[ServerName]:
    """The servers that the stack starts itself."""
    nats: list[ServerName] = ["nats"] if settings.nats_url is None else []
    own = (row.store for row in PROCESSES if row.store and settings.external_url(row.name) is None)
    return [*nats, *dict.fromkeys(own)]


def makes_admin(settings: StackSettings) -> bool:
    """Whether this stack creates the first administrator: an external database has one already."""
    return all(settings.external_url(row.name) is None for row in PROCESSES if row.admin)


def surroundings(
    settings: StackSettings,
    servers: Servers,
    terminal: Mapping[str, str],
    ports: Ports,
    mail_url: str | None = None,
) -> Surroundings:
    """Where everything is. A server's port can change until it serves."""
    # An external database has its administrator and keys already: the terminal's variables may name them.
    kept_in = servers.home.path if makes_admin(settings) else None
    admin = first_admin(kept_in, terminal, servers.credentials.secret("AUTH_ADMIN_PASSWORD"))
    external = {row.name: settings.external_url(row.name) for row in PROCESSES}
    return Surroundings(
        gateway_host=settings.http_host,
        gateway_ports=ports.gateways,
        nats_url=settings.nats_url or servers.nats_url,
        nats_seeds=None if settings.nats_url else servers.nats_seeds,
        nats_ca=servers.nats_ca,
        databases=servers.urls | {name: url for name, url in external.items() if url},
        admin_email=admin.email,
        admin_password=admin.password,
        keys={
            variable: terminal.get(variable, servers.credentials.secret(variable))
            for row in PROCESSES
            for variable in row.keys
        },
        metrics_ports=ports.metrics,
        console=ports.console,
        mail_url=mail_url,
    )


def describe(
    servers: Servers, known: Surroundings, terminal: Mapping[str, str], processes: Mapping[str, int]
) -> StackState:
    """The contents of stack.json."""
    home = servers.home
    seeds = known.nats_seeds
    if seeds is None:  # an external NATS: one user for all processes
        variables = inherited("gateway", terminal, nats=True)
        operator = deployer = Operator.model_validate(
            {name.removeprefix("nats_"): variables.get(name.upper()) for name in Operator().settings()}
        )
    else:
        operator, deployer = (_person(user, home.path, seeds[user], known.nats_ca) for user in ("operator", DEPLOYER))
    stored = {
        store: {row.name: known.databases[row.name] for row in PROCESSES if row.store == store}
        for store in ("postgres", "mongo")
    }
    gateways = [http_url(known.gateway_host, port) for port in known.gateway_ports]
    return StackState(
        gateway_url=gateways[0],
        gateway_urls=gateways,
        console_url=known.console.url if known.console else None,
        metrics_urls={name: f"http://127.0.0.1:{port}/metrics" for name, port in known.metrics_ports.items()},
        nats_url=known.nats_url,
        nats_monitor_url=servers.nats_monitor_url if seeds else None,
        operator=operator,
        deployer=deployer,
        admin=Admin(email=known.admin_email, password=known.admin_password),
        databases=dict(known.databases),
        postgres={f"{name}_url": url for name, url in stored["postgres"].items()},
        mongo_url=next(iter(stored["mongo"].values()), None),
        home=home.path,
        logs=home.logs,
        pid=os.getpid(),
        processes=dict(processes),
    )


def _person(user: str, home: Path, seed: str, ca: Path | None) -> Operator:
    """A user of nats.conf that a person connects as, with the seed in a file of the home."""
    path = home / f"{user}.nk"
    write_private(path, seed)
    return Operator(nkey_seed_file=path, tls_ca=ca, inbox_prefix=f"_INBOX_{user}")


def requested_ports(settings: StackSettings) -> dict[ServerName, int]:
    """The ports of the servers that the settings ask for."""
    ports: dict[ServerName, int | None] = {
        "nats": settings.nats_port,
        "postgres": settings.postgres_port,
        "mongo": settings.mongo_port,
    }
    return {name: port for name, port in ports.items() if port is not None}
