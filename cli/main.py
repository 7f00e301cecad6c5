"""The command's entry: one typer application, one function a subcommand."""

import sys
from collections.abc import Collection
from importlib import import_module
from importlib.metadata import version
from typing import Annotated

import typer

_MODULES = {
    "up": "cli.up",
    "call": "cli.call",
    "ls": "cli.services",
    "subjects": "cli.table",
    "nats": "cli.nats",
    "users": "cli.users",
    "keys": "cli.keys",
}


def application(names: Collection[str] = tuple(_MODULES)) -> typer.Typer:
    """The command with these subcommands; only their modules are imported."""
    app = typer.Typer(
        name="mesh",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_options)
    for name in names:
        found = getattr(import_module(_MODULES[name]), name)
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
    """Run the Northwind mesh on this machine, call its subjects, see who serves them."""


def main() -> None:
    """Run the command; its exit status tells how it went."""
    # What the other subcommands stand on takes as long to import as `mesh up` takes to start its servers.
    asked_for = [name for name in sys.argv[1:2] if name in _MODULES]
    application(asked_for or tuple(_MODULES))()


if __name__ == "__main__":
    main()
