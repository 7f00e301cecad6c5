"""`mesh ls`: which services answer now, and how they fare."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from cli.connection import NOBODY_SERVES, HomeOption, connected, wide_console
from cli.failure import fail
from mesh.discovery import ask_all
from mesh.errors import MeshError


def ls(
    *,
    within: Annotated[float, typer.Option(min=0.05, max=30, help="Seconds to wait for answers.")] = 0.5,
    as_json: Annotated[bool, typer.Option("--json", help="Print the ADR-32 STATS documents, one a line.")] = False,
    home: HomeOption = Path(".mesh"),
) -> None:
    """List services and their instances, as they answer to `$SRV.STATS`.

    Exit status: 0, or 3 when no service answers or no mesh is there.
    """
    documents = asyncio.run(_documents(home, within))
    if as_json:
        for document in documents:
            typer.echo(json.dumps(document))
    elif documents:
        wide_console().print(_table(documents))
    if not documents:
        fail("no service answers", NOBODY_SERVES)


async def _documents(home: Path, within: float) -> list[dict[str, Any]]:
    async with connected(home) as transport:
        try:
            return await ask_all(transport, "STATS", within)
        except MeshError as error:
            fail(str(error))


def _table(documents: list[dict[str, Any]]) -> Table:
    table = Table()
    for title in ("service", "instance", "version", "started (UTC)"):
        table.add_column(title, no_wrap=True)
    for title in ("endpoints", "requests", "errors", "mean ms"):
        table.add_column(title, justify="right")
    for document in documents:
        endpoints = document["endpoints"]
        requests = sum(endpoint["num_requests"] for endpoint in endpoints)
        nanoseconds = sum(endpoint["processing_time"] for endpoint in endpoints)
        table.add_row(
            document["name"],
            document["id"],
            document["version"],
            document["started"][:19].replace("T", " "),
            str(len(endpoints)),
            str(requests),
            str(sum(endpoint["num_errors"] for endpoint in endpoints)),
            f"{nanoseconds / requests / 1e6:.2f}" if requests else "",
        )
    return table
