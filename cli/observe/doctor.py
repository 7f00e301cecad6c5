"""`mesh doctor`: says what is wrong with the running mesh, and what to do about it."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from cli.columns import print_columns
from cli.connection import HomeOption, connected, stack_asked
from cli.failure import fail
from cli.generate import stale_files
from cli.observe.metrics import scraped
from mesh.core.errors import MeshError
from ops.diagnosis.examine import examine
from ops.diagnosis.finding import Declared, Finding, worst_first
from services import PROCESSES
from subjects import ENDPOINTS, EVENTS


def doctor(
    *,
    within: Annotated[float, typer.Option(min=0.05, max=30, help="Seconds to wait for answers.")] = 0.5,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document per finding.")] = False,
    home: HomeOption = Path(".mesh"),
) -> None:
    """Say what is wrong with the running mesh, and what to do about it.

    It looks at NATS, the services and their contracts, databases, migrations, permissions, streams, consumers, dead
    letters, clocks and keys. In `mesh up` it also looks at the limits of each process.

    Exit status: 0, also with warnings; 1 if there is an error; 3 if no mesh is running.
    """
    findings = asyncio.run(_findings(home, within))
    if as_json:
        for one in findings:
            typer.echo(json.dumps(one.document()))
    else:
        print_columns(("", "about", "finding"), map(_row, findings))
        typer.echo(_counted(findings))
    if any(one.severity == "error" for one in findings):
        raise typer.Exit(1)


async def _findings(home: Path, within: float) -> list[Finding]:
    async with connected(home) as transport:
        stack = stack_asked(home)
        scrapes = await asyncio.to_thread(scraped, stack.metrics_urls if stack else {})
        try:
            found = await examine(transport, Declared(PROCESSES, ENDPOINTS, EVENTS), within, scrapes)
        except MeshError as error:
            fail(str(error))
    return worst_first([*found, *_generated()])


def _generated() -> list[Finding]:
    """Whether nats.conf and the other generated files fit the declarations of this checkout."""
    try:
        stale = stale_files()
    except (OSError, ValueError):
        return []  # without the files: not a checkout
    if stale:
        return [Finding("warning", "permissions", f"out of date: {', '.join(stale)}", "`mesh generate`, reload NATS")]
    return [Finding("ok", "permissions", "nats.conf fits services.py and subjects.py")]


def _row(one: Finding) -> tuple[str, str, str]:
    return one.severity, one.about, f"{one.what}; {one.do}" if one.do else one.what


def _counted(findings: list[Finding]) -> str:
    count = Counter(one.severity for one in findings)
    return f"{count['error']} errors, {count['warning']} warnings, {count['ok']} in order"
