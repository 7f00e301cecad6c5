"""The command's entry: one typer application, one function a subcommand."""

import logging

import structlog
import typer

from cli.call import call
from cli.services import ls
from cli.table import subjects
from cli.up import up

app = typer.Typer(
    name="mesh",
    help="Run the Northwind mesh on this machine, call its subjects, see who serves them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(up)
app.command()(call)
app.command()(ls)
app.command()(subjects)


def main() -> None:
    """Run the command; its exit status tells how it went."""
    # A command says itself what went wrong: the log of the runtime below would only say it twice.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    app()


if __name__ == "__main__":
    main()
