"""The command's entry: one typer application, one function a subcommand."""

import logging
from importlib.metadata import version
from typing import Annotated

import structlog
import typer

from cli.call import call
from cli.keys import keys
from cli.nats import nats
from cli.services import ls
from cli.table import subjects
from cli.up import up
from cli.users import users

app = typer.Typer(
    name="mesh",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(up)
app.command()(call)
app.command()(ls)
app.command()(subjects)
app.add_typer(nats)
app.add_typer(users)
app.add_typer(keys)


def _version(wanted: bool) -> None:  # noqa: FBT001  # typer calls it so
    if wanted:
        typer.echo(version("northwind-mesh"))
        raise typer.Exit


@app.callback()
def _options(
    *,
    _show: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Run the Northwind mesh on this machine, call its subjects, see who serves them."""


def main() -> None:
    """Run the command; its exit status tells how it went."""
    # A command says itself what went wrong: the log of the runtime below would only say it twice.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    app()


if __name__ == "__main__":
    main()
