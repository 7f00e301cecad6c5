"""The options of `mesh up`, and the settings of a stack made from them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from cli.failure import fail
from devstack.stack.settings import StackSettings
from mesh.security.settings import TokenSettings
from mesh.telemetry.settings import LogSettings, TraceSettings

HttpPort = Annotated[int | None, typer.Option(help="Port of the gateway. 0 takes a free one. Default: 8080.")]
HttpHost = Annotated[str | None, typer.Option(help="Address that the gateway listens on. Default: 127.0.0.1.")]
Replicas = Annotated[
    list[str] | None, typer.Option(metavar="SERVICE=N", help="Processes of a service, such as customers=3. Default: 1.")
]
ShareHttpPort = Annotated[
    bool | None, typer.Option("--share-http-port", help="Let all gateways listen on one port. Default: a port each.")
]
Without = Annotated[
    list[str] | None, typer.Option(metavar="SERVICE", help="Do not start this service: you run it yourself.")
]
Only = Annotated[list[str] | None, typer.Option(metavar="SERVICE", help="Start this service and no others.")]
NatsPort = Annotated[int | None, typer.Option(help="Port of NATS. Default: a free one.")]
PostgresPort = Annotated[int | None, typer.Option(help="Port of PostgreSQL. Default: a free one.")]
MongoPort = Annotated[int | None, typer.Option(help="Port of MongoDB. Default: a free one.")]
KeepPorts = Annotated[bool | None, typer.Option("--keep-ports", help="Use the ports of the last start.")]
NatsNodes = Annotated[int | None, typer.Option(help="NATS servers. Several form a cluster. Default: 1.")]
Tls = Annotated[bool | None, typer.Option("--tls", help="Encrypt NATS, with a CA created in the home folder.")]
Console = Annotated[
    bool | None,
    typer.Option("--console/--no-console", help="Run the console, and trace everything for it. Default: yes."),
]
Logs = Annotated[bool, typer.Option("--logs", help="Show the logs of all processes.")]
Home = Annotated[Path | None, typer.Option(help="Folder of data, logs and secrets. Default: .mesh.")]


def settings_from(options: Mapping[str, Any]) -> StackSettings:
    """The settings of a stack, from options by name. Ends the program for an invalid option or variable."""
    given = {name: value for name, value in options.items() if value is not None and value != []}
    if "replicas" in given:
        given["replicas"] = dict(map(_replicas, given["replicas"]))
    try:
        settings = StackSettings(**given)
        for shared in (LogSettings, TraceSettings, TokenSettings):  # invalid for every process: report it once
            shared()
    except ValidationError as error:
        fail("; ".join(f"{_source(one['loc'], given)}: {_message(one['msg'])}" for one in error.errors()), status=2)
    return settings


def _replicas(text: str) -> tuple[str, int]:
    service, equals, count = text.partition("=")
    if not equals or not count.isdecimal():
        fail(f"--replicas takes SERVICE=N, such as customers=3, not {text!r}", status=2)
    return service, int(count)


def _source(path: tuple[int | str, ...], given: Mapping[str, object]) -> str:
    """The option or variable that set this part of the settings."""
    name, *within = (part for part in path if isinstance(part, str) and part != "[key]")
    if name in given:
        source = f"--{name.replace('_', '-')}"
    else:  # an alias or a shared setting is the variable's name
        source = f"MESH_{name.upper()}" if name in StackSettings.model_fields else name.upper()
    return " ".join([source, *within])


def _message(message: str) -> str:
    """Pydantic's message, without the prefix of a custom validator's."""
    return message.removeprefix("Value error, ")
