"""The command: one typer application with one function for each subcommand."""

from collections.abc import Collection
from importlib import import_module
from importlib.metadata import version
from typing import Annotated

import typer

MODULES = {
    "up": "cli.stack.up",
    "down": "cli.stack.down",
    "restart": "cli.stack.restart",
    "console": "cli.observe.console",
    "call": "cli.calling.call",
    "describe": "cli.calling.describe",
    "subjects": "cli.table",
    "ls": "cli.observe.services",
    "top": "cli.observe.top",
    "logs": "cli.observe.logs",
    "trace": "cli.observe.trace",
    "doctor": "cli.observe.doctor",
    "contracts": "cli.contracts.commands",
    "conform": "cli.conform",
    "events": "cli.events.commands",
    "mail": "cli.mail",
    "nats": "cli.nats",
    "compose": "cli.compose",
    "generate": "cli.generate",
    "users": "cli.users",
    "token": "cli.token",
    "keys": "cli.keys",
    "new": "cli.new",
}


def application(names: Collection[str] = tuple(MODULES)) -> typer.Typer:
    """The command with these subcommands. Imports only their modules."""
    app = typer.Typer(
        name="mesh",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # rich would keep a docstring's line breaks at any width
    )
    app.callback()(_options)
    for name in names:
        found = getattr(import_module(MODULES[name]), name)
        if isinstance(found, typer.Typer):
            app.add_typer(found)
        else:
            app.command()(found)
    return app


def _version(wanted: bool) -> None:  # noqa: FBT001  # typer calls it so
    if wanted:
        typer.echo(version("northwind-mesh"))
        raise typer.Exit


def _options(
    *,
    _show: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Run the Northwind mesh on this machine, call its subjects, list its services."""
