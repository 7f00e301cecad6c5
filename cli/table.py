"""`mesh subjects`: the table of subjects.py for reading, or with its JSON Schemas for programs."""

import json
from typing import Annotated

import typer
from rich.table import Table

from cli.connection import wide_console
from subjects import ENDPOINTS


def subjects(
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document a subject, with the schemas of request and reply.")
    ] = False,
) -> None:
    """List every subject of the mesh with its contract."""
    if as_json:
        for endpoint in ENDPOINTS:
            document = {
                "subject": endpoint.subject,
                **endpoint.metadata(),
                "reasons": endpoint.reasons,
                "request": endpoint.requests.json_schema(mode="validation"),
                "reply": endpoint.replies.json_schema(mode="serialization"),
            }
            typer.echo(json.dumps(document))
        return
    table = Table()
    for title in ("subject", "request", "reply", "access", "idempotent", "reasons"):
        table.add_column(title, no_wrap=title != "reasons")
    for endpoint in ENDPOINTS:
        table.add_row(
            endpoint.subject,
            endpoint.request.__name__,
            endpoint.reply.__name__,
            endpoint.access.value,
            "yes" if endpoint.idempotent else "",
            ", ".join(endpoint.reasons),
        )
    wide_console().print(table)
