"""`mesh subjects`: prints subjects.py as a table for people, or with JSON Schemas for programs."""

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

from cli.columns import print_columns
from cli.contracts.declared import DECLARED
from mesh.core.endpoint import Endpoint
from ops.contracts.document import built
from subjects import ENDPOINTS


def subjects(
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document per subject, with the schemas of request and reply.")
    ] = False,
) -> None:
    """List every subject of the mesh with its contract."""
    if as_json:
        for contract in built(DECLARED).endpoints.values():
            typer.echo(json.dumps(asdict(contract)))
        return
    print_columns(("subject", "access", "idempotent", "request -> reply; refusals"), map(_row, ENDPOINTS))


def _row(endpoint: Endpoint[Any, Any]) -> tuple[str, str, str, str]:
    shapes = f"{endpoint.request.__name__} -> {endpoint.reply.__name__}"
    reasons = ", ".join(reason.value for reason in endpoint.reasons)
    contract = f"{shapes}; {reasons}" if reasons else shapes
    return endpoint.subject, endpoint.access.value, "yes" if endpoint.idempotent else "", contract
