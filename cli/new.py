"""`mesh new`: writes a service or an endpoint into this checkout."""

import json
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from cli.facts import JsonLinesOption
from cli.failure import fail
from cli.scaffold.endpoint import add_endpoint
from cli.scaffold.errors import ScaffoldError
from cli.scaffold.names import endpoint_names, service_names
from cli.scaffold.service import add_service
from cli.scaffold.stage import Change, apply, changes
from devstack.stack.services import ROOT
from ops.process import Store
from services import BY_NAME, WORKERS
from subjects import ENDPOINTS

new = typer.Typer(name="new", no_args_is_help=True, help="Write a new service or endpoint into this checkout.")

DryRun = Annotated[bool, typer.Option("--dry-run", help="List the files; change nothing.")]


class StoreName(StrEnum):
    """Where a service keeps its data."""

    POSTGRES = "postgres"
    MONGO = "mongo"
    NONE = "none"


_STORES: dict[StoreName, Store | None] = {
    StoreName.POSTGRES: "postgres",
    StoreName.MONGO: "mongo",
    StoreName.NONE: None,
}


@new.command()
def service(
    name: Annotated[str, typer.Argument(help="Its name, such as invoices: the first token of its subjects.")],
    *,
    store: Annotated[StoreName, typer.Option(help="Where it keeps its data.")] = StoreName.POSTGRES,
    dry_run: DryRun = False,
    as_json: JsonLinesOption = False,
) -> None:
    """Write a service with one endpoint, NAME.get, and everything that lists services.

    Run `make up` afterwards to start it.
    """
    with_names = partial(service_names, name, BY_NAME)
    made = _written(lambda root: add_service(root, with_names(), _STORES[store]), with_names, dry_run=dry_run)
    _tell(made, as_json=as_json)


@new.command()
def endpoint(
    subject: Annotated[str, typer.Argument(help="Its subject, such as customers.count.")],
    *,
    dry_run: DryRun = False,
    as_json: JsonLinesOption = False,
) -> None:
    """Write an endpoint into a service: contract, declaration, handler, query, golden file, route.

    It counts what the service keeps. Replace the reply and the query with your own.
    """
    services = tuple(worker.name for worker in WORKERS)
    with_names = partial(endpoint_names, subject, services, [one.subject for one in ENDPOINTS])

    def edit(root: Path) -> None:
        names = with_names()
        add_endpoint(root, names, BY_NAME[names.service])

    made = _written(edit, with_names, dry_run=dry_run)
    _tell(made, as_json=as_json)


def _written(edit: Callable[[Path], None], check: Callable[[], object], *, dry_run: bool) -> list[Change]:
    """Make the edit, and return the files. `check` refuses a name before anything is copied."""
    try:
        check()
        made = changes(ROOT, edit)
        if not dry_run:
            apply(ROOT, made)
    except (ScaffoldError, OSError) as error:
        fail(f"nothing was written: {error}")
    return made


def _tell(made: Sequence[Change], *, as_json: bool) -> None:
    for one in made:
        change = "new" if one.is_new else "changed"
        typer.echo(json.dumps({"path": one.path, "change": change}) if as_json else f"{change:8} {one.path}")
