"""`mesh subjects`: prints subjects.py as a table for people, or with JSON Schemas for programs."""

import json
from typing import Annotated, Any

import typer

from cli.columns import print_columns
from mesh.core.endpoint import Endpoint
from subjects import ENDPOINTS


def subjects(
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document per subject, with the schemas of request and reply.")
    ] = False,
) -> None:
    """List every subject of the mesh with its contract."""
    if as_json:
        for endpoint in ENDPOINTS:
            document = {
                "subject": endpoint.subject,
                **endpoint.metadata(),
                "reasons": [reason.value for reason in endpoint.reasons],
                "request": endpoint.requests.json_schema(mode="validation"),
                "reply": endpoint.replies.json_schema(mode="serialization"),
            }
            typer.echo(json.dumps(document))
        return
    print_columns(("subject", "access", "idempotent", "request -> reply; refusals"), map(_row, ENDPOINTS))


def _row(endpoint: Endpoint[Any, Any]) -> tuple[str, str, str, str]:
    shapes = f"{endpoint.request.__name__} -> {endpoint.reply.__name__}"
    reasons = ", ".join(reason.value for reason in endpoint.reasons)
    contract = f"{shapes}; {reasons}" if reasons else shapes
    return endpoint.subject, endpoint.access.value, "yes" if endpoint.idempotent else "", contract
