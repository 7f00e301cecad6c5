"""`mesh ls`: lists the services that answer, with their statistics."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cli.columns import print_columns
from cli.connection import NOBODY_SERVES, HomeOption, connected
from cli.failure import fail
from mesh.client.discover import ask_all
from mesh.core.errors import MeshError
from mesh.core.terminal import escaped
from mesh.wire.discovery import InstanceDocument

_NUMBERS = ("requests", "errors", "mean ms")
_TITLES = ("service", "instance", "version", "started (UTC)", *_NUMBERS)


def ls(
    *,
    within: Annotated[float, typer.Option(min=0.05, max=30, help="Seconds to wait for answers.")] = 0.5,
    as_json: Annotated[bool, typer.Option("--json", help="Print the ADR-32 STATS documents, one per line.")] = False,
    home: HomeOption = Path(".mesh"),
) -> None:
    """List the services that answer, with their statistics.

    Exit status: 0, or 3 if no service answers or no mesh is running.
    """
    documents = asyncio.run(_documents(home, within))
    if as_json:
        for document in documents:
            typer.echo(escaped(document.model_dump_json(exclude_unset=True)))
    elif documents:
        print_columns(_TITLES, map(_row, documents), to_the_right=_NUMBERS)
    if not documents:
        fail("no service answers", NOBODY_SERVES)


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
