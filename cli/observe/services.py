"""`mesh ls`: lists the services that answer, with their statistics."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from cli.columns import print_columns
from cli.connection import NOBODY_SERVES, HomeOption, connected, stack_asked
from cli.failure import fail
from cli.observe.metrics import scraped
from devstack.home.state import StackState
from devstack.processes.program import kind_of
from mesh.client.discover import ask_all
from mesh.core.errors import MeshError
from mesh.core.terminal import escaped
from mesh.telemetry.catalogue import CONNECTED
from mesh.wire.discovery import InstanceDocument
from services import WORKERS

SILENT: Final = "northwind.mesh.v1.silent"
"""The type of the document of a process that does not answer."""

_NUMBERS = ("requests", "errors", "mean ms")
_TITLES = ("service", "instance", "version", "started (UTC)", *_NUMBERS)


def ls(
    *,
    within: Annotated[float, typer.Option(min=0.05, max=30, help="Seconds to wait for answers.")] = 0.5,
    as_json: Annotated[bool, typer.Option("--json", help="Print the ADR-32 STATS documents, one per line.")] = False,
    home: HomeOption = Path(".mesh"),
) -> None:
    """List the services that answer, with their statistics.

    A worker of `mesh up` whose metrics or discovery do not answer hangs: it is listed too.

    Exit status: 0, or 3 if no service answers or no mesh is running.
    """
    documents = asyncio.run(_documents(home, within))
    silent = silent_workers(stack_asked(home), documents)
    if as_json:
        for document in documents:
            typer.echo(escaped(document.model_dump_json(exclude_unset=True)))
        for name in silent:
            typer.echo(json.dumps({"type": SILENT, "name": kind_of(name), "process": name}))
    elif documents or silent:
        print_columns(_TITLES, [*map(_row, documents), *map(_silent_row, silent)], to_the_right=_NUMBERS)
    if not documents:
        fail("no service answers", NOBODY_SERVES)


def silent_workers(stack: StackState | None, documents: Sequence[InstanceDocument]) -> list[str]:
    """The processes of workers in stack.json that do not answer, of services with fewer answers than processes."""
    if stack is None:
        return []
    workers = {row.name for row in WORKERS}
    running = [name for name in stack.processes if kind_of(name) in workers]
    missing = Counter(map(kind_of, running)) - Counter(one.name for one in documents)
    asked = scraped(
        {name: url for name, url in stack.metrics_urls.items() if missing[kind_of(name)] and name in running}
    )
    hanging = [name for name, scrape in asked.items() if scrape is None]
    # Where every process shows its metrics, those without a connection to NATS do not answer.
    return hanging or [name for name, scrape in asked.items() if scrape and not scrape.sum(CONNECTED.name)]


async def _documents(home: Path, within: float) -> list[InstanceDocument]:
    async with connected(home) as transport:
        try:
            return await ask_all(transport, "STATS", within)
        except MeshError as error:
            fail(str(error))


def _row(document: InstanceDocument) -> tuple[str, ...]:
    endpoints = document.endpoints
    requests = sum(endpoint.num_requests for endpoint in endpoints)
    nanoseconds = sum(endpoint.processing_time for endpoint in endpoints)
    return (
        document.name,
        document.id,
        document.version,
        document.started[5:16].replace("T", " "),
        str(requests),
        str(sum(endpoint.num_errors for endpoint in endpoints)),
        f"{nanoseconds / requests / 1e6:.2f}" if requests else "",
    )


def _silent_row(process: str) -> tuple[str, ...]:
    return kind_of(process), f"{process} does not answer", "", "", "", "", ""
